// The alternatives to a token, with their probabilities: shown on hover and focus, and chosen from.

import { byId, el } from "./dom.js";
import { bars, showHeat } from "./temperature.js";
import { bits, percent, plain, visible } from "./format.js";

const CLOSE_AFTER = 250; // milliseconds, so that a mouse can reach the list
const MARGIN = 8;

/**
 * The one list of alternatives on the page. `choose(reply, index, id, text)` continues the reply from there; `newest`
 * is the token whose distribution is shown before you look at one.
 */
export class Alternatives {
  constructor(temperature, newest, choose) {
    Object.assign(this, { temperature, newest, choose });
    this.box = byId("alternatives");
    this.box.addEventListener("mouseenter", () => clearTimeout(this.leaving));
    this.box.addEventListener("mouseleave", () => this.leave());
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.box.addEventListener("focusout", (event) => this.box.contains(event.relatedTarget) || this.leave());
    document.addEventListener("pointerdown", (event) => this.#isOutside(event.target) && this.close());
    addEventListener("resize", () => this.close());
  }

  hover(element, reply, span, text) {
    if (this.pinned && this.at?.element !== element && element !== document.activeElement) return;
    clearTimeout(this.leaving);
    if (this.at?.element === element && !this.box.hidden) return;
    this.pinned = false;
    this.at = { element, reply, span, text, token: reply.tokens[span.from] };
    this.#show();
  }

  pin(element, reply, span, text) {
    this.pinned = false;
    this.hover(element, reply, span, text);
    this.pinned = true;
  }

  leave() {
    clearTimeout(this.leaving);
    if (!this.pinned)
      this.leaving = setTimeout(() => this.box.contains(document.activeElement) || this.close(), CLOSE_AFTER);
  }

  /** Moves the focus into the list. */
  enter() {
    this.pinned = true;
    this.box.querySelector("button")?.focus();
  }

  close() {
    clearTimeout(this.leaving);
    this.pinned = false;
    this.box.hidden = true;
    this.at?.element.removeAttribute("data-open");
  }

  /** Closes the list and forgets its token. */
  reset() {
    this.close();
    this.at = null;
    this.update();
  }

  /** Shows the probabilities at the present temperature. */
  update() {
    showHeat(byId("heat-shown"), byId("think").checked, this.at?.token ?? this.newest(), this.temperature());
    if (!this.box.hidden) this.#fill();
  }

  #show() {
    document.querySelector("[data-open]")?.removeAttribute("data-open");
    this.at.element.setAttribute("data-open", "");
    this.box.hidden = false;
    this.update();
    this.box.scrollTop = 0;
    this.#position();
  }

  #fill() {
    const { token, reply, span } = this.at;
    const rows = bars(token.top, this.temperature(), 20).map((row) => this.#row(row, token, reply, span));
    this.box.replaceChildren(
      el(
        "p",
        { class: "was" },
        el("b", { text: plain(token.text), dir: "auto" }),
        ` ${percent(Math.exp(token.logprob))}`,
        el("span", { class: "hint", text: `entropy ${bits(token.entropy)} bits` }),
      ),
      el(
        "p",
        { class: "heads hint", "aria-hidden": "true" },
        el("span", { text: "learned" }),
        el("span", { text: `at ${this.temperature()}` }),
      ),
      el("ol", {}, ...rows),
      el("p", {
        class: "hint",
        text: `Choose one to continue from there. The line is the probability as learned, the bar the one at temperature ${this.temperature()} among these ${token.top.length}.`,
      }),
    );
  }

  #row({ id, text, share, learned, bar }, token, reply, span) {
    const inside = [
      el("span", { class: "what", text: plain(text), dir: "auto" }),
      bar,
      el("span", { class: "figure", text: percent(learned) }),
      el("span", { class: "figure strong", text: percent(share) }),
    ];
    const was = id === token.id ? "true" : null;
    if (text === "") return el("li", {}, el("span", { class: "alternative", "aria-current": was }, ...inside));
    const label = `${visible(text)}: ${percent(learned)} as learned, ${percent(share)} at this temperature`;
    const act = () => {
      this.close();
      this.choose(reply, span.from, id, text);
    };
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "alternative", "aria-label": label, "aria-current": was, onclick: act },
        ...inside,
      ),
    );
  }

  #position() {
    const token = this.at.element.getClientRects()[0];
    const box = this.box.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.width - MARGIN;
    const below = token.bottom + box.height + MARGIN < innerHeight - byId("dock").offsetHeight;
    const above = token.top - box.height > 0;
    const top = below || !above ? token.bottom : token.top - box.height;
    this.box.style.left = `${Math.max(MARGIN, Math.min(token.left - MARGIN, room))}px`;
    this.box.style.top = `${top + scrollY}px`;
  }

  #key(event) {
    const all = [...this.box.querySelectorAll("button")];
    const at = all.indexOf(document.activeElement);
    const ways = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
    if (event.key in ways) all[ways[event.key]]?.focus();
    else if (event.key === "Escape") {
      const { text, span } = this.at;
      this.close();
      text.focus(span.from);
      this.close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #isOutside(target) {
    return !this.box.hidden && !this.box.contains(target) && !target.closest?.(".token, #dock");
  }
}
