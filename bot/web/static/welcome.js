// What stands where nothing has been said yet.

import { button, el } from "./dom.js";
import { marked } from "./word.js";

const BEGINNINGS = ["hey", "what are you up to", "did you eat today", "why are you awake"];

/** A greeting with a few things to say. */
export function welcome(name, say) {
  const about = `A small network that learned how one person posts. It answers in that voice, and shows what it thinks while it does.`;
  return el(
    "div",
    { class: "welcome" },
    el("h1", { "aria-label": name }, marked(name)),
    el("p", { text: about }),
    el("div", { class: "beginnings" }, ...BEGINNINGS.map((text) => button(text, () => say(text), { class: "chip" }))),
  );
}
