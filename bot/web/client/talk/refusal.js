// A refusal in plain words, with a countdown to the next try.

import { button, el } from "../base/dom.js";

const WORDS = {
  rate_limit_exceeded: "That was too fast.",
  queue_full: "Many people are talking right now.",
  not_ready: "Not ready yet.",
  paused: "Paused by its owner.",
};

/** One refusal for all replies of a turn: shown while they wait. */
export class Refusal {
  constructor() {
    this.element = el("div", { class: "refusal", hidden: true });
  }

  /**
   * Shows that `replies` are tried again at `until`, in milliseconds since 1970; nothing for none. `again` tries now.
   */
  show(replies, until, again) {
    clearInterval(this.timer);
    const before = this.element.hidden;
    this.element.hidden = !replies.length;
    if (!replies.length) {
      if (!before) this.element.replaceChildren();
      return;
    }
    const seconds = el("b");
    const tick = () => (seconds.textContent = `${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s`);
    tick();
    this.timer = setInterval(tick, 250);
    const tried = replies.length > 1 ? `${replies.length} answers are tried again` : "It is tried again by itself";
    this.element.replaceChildren(
      el("p", { role: "status", text: `${inWords(replies[0])} ${tried}.` }),
      el("p", { "aria-hidden": "true" }, "Next try in ", seconds),
      button("Try now", again),
    );
  }
}

function inWords({ code, note }) {
  return WORDS[code] ?? note.replace(/ *Try again in \d+ s\.$/, "").replace(/[^.!?]$/, "$&.");
}
