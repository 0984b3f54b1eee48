// The alternatives to a token, with their probabilities: opened by dwelling on it, focus, click or touch, and chosen
// from.

import { byId, el } from "../base/dom.js";
import { bits, percent, plain, visible } from "../base/format.js";
import { place } from "./place.js";
import { bars, showHeat } from "./temperature.js";

const OPEN_AFTER = 350; // milliseconds that a mouse dwells on a token, so that crossing it opens nothing
const CLOSE_AFTER = 250; // so that a mouse can reach the list
const SHOWN = 20;

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

  get isOpen() {
    return !this.box.hidden;
  }

  /** A mouse moves over a token. */
  hover(...at) {
    clearTimeout(this.coming);
    clearTimeout(this.leaving);
    if (!this.pinned) this.coming = setTimeout(() => this.open(...at), OPEN_AFTER);
  }

  open(element, reply, span, text) {
    clearTimeout(this.coming);
    clearTimeout(this.leaving);
    if (this.at?.element === element && this.isOpen) return;
    this.pinned = false;
    this.at = { element, reply, span, text, token: reply.tokens[span.from] };
    this.#show();
  }

  pin(...at) {
    this.open(...at);
    this.pinned = true;
  }

  leave() {
    clearTimeout(this.coming);
    clearTimeout(this.leaving);
    if (this.pinned) return;
    this.leaving = setTimeout(() => this.#hasFocus() || this.close(), CLOSE_AFTER);
  }

  /** Moves the focus into the list. */
  enter() {
    this.pinned = true;
    this.box.querySelector("button")?.focus();
  }

  close() {
    clearTimeout(this.coming);
    clearTimeout(this.leaving);
    const inside = this.box.contains(document.activeElement);
    this.pinned = false;
    this.box.hidden = true;
    this.at?.element.removeAttribute("data-open");
    if (!inside) return;
    this.at.text.focus(this.at.span.from);
    clearTimeout(this.leaving);
    this.box.hidden = true;
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
    if (this.isOpen) this.#fill();
  }

  #show() {
    document.querySelector("[data-open]")?.removeAttribute("data-open");
    this.at.element.setAttribute("data-open", "");
    this.box.hidden = false;
    this.update();
    this.box.scrollTop = 0;
    place(this.box, this.at.element, this.at.text.element);
    this.box.querySelector(".more-below").hidden = this.box.scrollHeight <= this.box.clientHeight + 1;
  }

  #fill() {
    const { token, reply, span } = this.at;
    if (token.withheld) {
      const was = el("p", { class: "was" }, el("b", { text: plain(token.text), dir: "auto" }));
      const below = el("p", { class: "more-below hint", hidden: true });
      const why = "Its probability and alternatives are withheld: one of them would repeat a stored message.";
      this.box.replaceChildren(was, below, el("p", { class: "hint", text: why }));
      return;
    }
    const rows = bars(token.top, this.temperature(), SHOWN).map((row) => this.#row(row, token, reply, span));
    const drawn = token.top.slice(0, SHOWN).some(([id]) => id === token.id) ? [] : [rare(token)];
    const before = this.box.querySelector(".more-below")?.hidden ?? true;
    this.box.replaceChildren(
      el(
        "p",
        { class: "was" },
        el("b", { text: plain(token.text), dir: "auto" }),
        ` ${percent(Math.exp(token.logprob))} drawn`,
        el("span", { class: "hint", text: `entropy ${bits(token.entropy)} bits` }),
      ),
      el("p", {
        class: "more-below hint",
        hidden: before,
        text: `The ${token.top.length} likeliest: scroll for more.`,
      }),
      el(
        "p",
        { class: "heads hint", "aria-hidden": "true" },
        el("span", { text: "learned" }),
        el("span", { text: `at ${this.temperature()}` }),
      ),
      el("ol", {}, ...drawn, ...rows),
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
    const given = { type: "button", class: "alternative", "aria-label": label, "aria-current": was, onclick: act };
    return el("li", {}, el("button", given, ...inside));
  }

  #key(event) {
    const all = [...this.box.querySelectorAll("button")];
    const at = all.indexOf(document.activeElement);
    const ways = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
    if (event.key in ways) all[ways[event.key]]?.focus();
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #hasFocus() {
    return this.box.contains(document.activeElement) || this.at?.element === document.activeElement;
  }

  #isOutside(target) {
    return this.isOpen && !this.box.contains(target) && !target.closest?.(".token, #dock");
  }
}

/** The row of a drawn token that is not among the likeliest. */
function rare(token) {
  return el(
    "li",
    {},
    el(
      "span",
      { class: "alternative rare", "aria-current": "true" },
      el("span", { class: "what", text: plain(token.text), dir: "auto" }),
      el("span", { class: "hint", text: "drawn" }),
      el("span", { class: "figure", text: percent(Math.exp(token.logprob)) }),
      el("span", { class: "figure" }),
    ),
  );
}
