// The text of a reply: plain, or with each token in the colour of its probability and its entropy beneath.

import { el } from "../base/dom.js";
import { percent, visible } from "../base/format.js";
import { height } from "./entropy.js";
import { spansOf } from "./spans.js";

const STEPS = [0.5, 0.2, 0.05, 0.01]; // probabilities, from sure to surprised

export const WITHHELD = "withheld: an alternative here would repeat a stored message";

/** The surprise of a token, from 0 (over 50%) to 4 (under 1%); 0 for null, a figure that is withheld. */
export function surprise(logprob) {
  const share = Math.exp(logprob);
  const step = STEPS.findIndex((least) => share >= least);
  return step < 0 ? STEPS.length : step;
}

/** A paragraph with a reply; call `update` when its text grows or `thinking` changes. */
export class ReplyText {
  constructor(reply, alternatives) {
    Object.assign(this, { reply, alternatives, thinking: null, shown: [], begun: "" });
    this.element = el("p", { class: "text", dir: "auto" });
    this.element.addEventListener("keydown", (event) => this.#moveFocus(event));
  }

  update(thinking) {
    const { reply } = this;
    thinking &&= reply.tokens.length > 0;
    if (thinking !== this.thinking || (thinking && this.begun !== reply.begun.text)) this.#restart(thinking);
    if (thinking) this.#tokens();
    else if (this.element.textContent !== reply.text) this.#plain();
  }

  /** Puts the focus on the token at an index. */
  focus(index) {
    const at = this.shown.findIndex(({ span }) => span.to > index);
    this.#focus(Math.max(0, at));
  }

  #restart(thinking) {
    this.element.replaceChildren();
    Object.assign(this, { thinking, shown: [], begun: this.reply.begun.text });
    this.element.toggleAttribute("data-thinking", thinking);
    if (thinking) {
      this.element.setAttribute("role", "group");
      this.element.setAttribute("aria-label", "Token by token. Arrow keys move, Enter shows alternatives.");
      if (this.begun) this.element.append(el("span", { class: "given", text: this.begun }));
    } else {
      this.element.removeAttribute("role");
      this.element.removeAttribute("aria-label");
    }
  }

  #plain() {
    const shown = this.element.textContent;
    if (this.reply.text.startsWith(shown)) this.element.append(this.reply.text.slice(shown.length));
    else this.element.textContent = this.reply.text;
  }

  #tokens() {
    const spans = spansOf(this.reply);
    // All but the last are final: more tokens may still complete the last character.
    let same = Math.max(0, this.shown.length - 1);
    while (same > 0 && this.shown[same - 1].span.text !== spans[same - 1]?.text) same--;
    if (same === this.shown.length - 1 && this.shown[same]?.span.text === spans[same]?.text) same++;
    for (const { element } of this.shown.splice(same)) element.remove();
    for (const span of spans.slice(same)) this.#add(span);
  }

  #add(span) {
    const token = this.reply.tokens[span.from];
    const first = this.shown.length === 0;
    const element = el("span", {
      class: `token s${surprise(token.logprob)}`,
      role: "button",
      tabindex: first ? 0 : -1,
      "aria-haspopup": "dialog",
      "aria-label": `${visible(span.text)}, ${token.withheld ? WITHHELD : percent(Math.exp(token.logprob))}`,
      text: span.text,
      // Not as it enters: a token that comes to lie under a resting mouse was not pointed at.
      onmousemove: (event) => {
        if (event.movementX || event.movementY) this.alternatives.hover(element, this.reply, span, this);
      },
      onmouseleave: () => this.alternatives.leave(),
      onfocus: () => this.alternatives.open(element, this.reply, span, this),
      onclick: () => this.alternatives.pin(element, this.reply, span, this),
    });
    element.style.setProperty("--entropy", height(token.entropy));
    this.shown.push({ span, element });
    this.element.append(element);
  }

  #moveFocus(event) {
    const at = this.shown.findIndex(({ element }) => element === document.activeElement);
    if (at < 0) return;
    const ways = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.shown.length - 1 };
    if (event.key in ways) this.#focus(ways[event.key]);
    else if (["Enter", " ", "ArrowDown"].includes(event.key)) {
      this.alternatives.pin(this.shown[at].element, this.reply, this.shown[at].span, this);
      this.alternatives.enter();
    } else if (event.key === "Escape" && this.alternatives.isOpen) this.alternatives.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #focus(to) {
    const wanted = this.shown[to];
    if (!wanted) return;
    for (const { element } of this.shown) element.tabIndex = -1;
    wanted.element.tabIndex = 0;
    wanted.element.focus();
  }
}
