// The greeting of an empty conversation.

import { button, el } from "./dom.js";
import { wordmark } from "./wordmark.js";

const OPENERS = ["hey", "what are you up to", "did you eat today", "why are you awake"];

/** A greeting with a few messages to start with. */
export function welcome(name, say) {
  const about = `A small network that learned how one person posts. It answers in that voice, and you can see it think.`;
  return el(
    "div",
    { class: "welcome" },
    el("h1", { "aria-label": name }, wordmark(name)),
    el("p", { text: about }),
    el("div", { class: "beginnings" }, ...OPENERS.map((text) => button(text, () => say(text), { class: "chip" }))),
  );
}
