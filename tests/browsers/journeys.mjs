// Three journeys through the page in Firefox, over WebDriver BiDi: `node journeys.mjs ADDRESS FIREFOX`. Prints a line
// for each.

import assert from "node:assert/strict";
import puppeteer from "puppeteer-core";

const [address, executablePath] = process.argv.slice(2);
const PATIENCE = 30_000; // milliseconds
const ANSWERED = `() => document.querySelector(".reply") && !document.querySelector(".reply[aria-busy=true]")`;

const texts = (page, of) => page.$$eval(of, (all) => all.map((one) => one.textContent.replace("You: ", "")));

async function opened(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(address);
  await page.waitForSelector("[data-ready]");
  return page;
}

async function say(page, text) {
  const before = (await texts(page, ".turn")).length;
  await page.type("#say", text);
  await page.keyboard.press("Enter");
  await page.waitForFunction(`document.querySelectorAll(".turn").length > ${before}`);
  await page.waitForFunction(`(${ANSWERED})()`);
}

const journeys = {
  async "talk, reload, and find it in History"(context) {
    const page = await opened(context);
    await say(page, "hello");
    await say(page, "and again");
    await page.reload();
    await page.waitForSelector("[data-ready]");
    assert.deepEqual(await texts(page, ".asked"), ["hello", "and again"]);
    assert.ok((await texts(page, ".reply .text")).every((text) => text.startsWith("hey lol")));
    await page.click("#past");
    assert.deepEqual(await texts(page, "#past-list .title"), ["hello"]);
  },
  async "see it think, and choose another token"(context) {
    const page = await opened(context);
    await page.click("label.switch:has(#think)");
    await say(page, "hello");
    await page.focus(".reply .token");
    await page.waitForSelector("#alternatives:not([hidden])");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".versions");
    await page.waitForFunction(`(${ANSWERED})()`);
    assert.deepEqual(await texts(page, ".versions [role=img]"), ["2/2"]);
  },
  async "a second tab hears, and a deleted conversation stays away"(context) {
    const page = await opened(context);
    await say(page, "a secret");
    const tab = await opened(context);
    await say(page, "more");
    await tab.waitForFunction(`document.querySelectorAll(".asked").length === 2`);
    await page.bringToFront();
    await page.click("#past");
    await page.click('[aria-label="Delete “a secret”"]');
    await tab.waitForFunction(`document.querySelectorAll(".asked").length === 0`);
    assert.ok(!(await tab.evaluate(() => JSON.stringify({ ...localStorage }))).includes("a secret"));
  },
};

const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true, protocol: "webDriverBiDi" });
let failed = 0;
for (const [name, journey] of Object.entries(journeys)) {
  const context = await browser.createBrowserContext();
  try {
    await journey(context);
    console.log(`passed: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`failed: ${name}\n${error.stack}`);
  }
  await context.close();
}
console.log(await browser.version());
await browser.close();
process.exitCode = failed ? 1 : 0;
