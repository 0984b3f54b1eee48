// The text of a reply: plain, or with every token in the colour of its probability.

import { el } from "./dom.js";
import { spans } from "./spans.js";
import { percent, visible } from "./words.js";

const STEPS = [0.5, 0.2, 0.05, 0.01]; // from sure to surprised

/** How surprising, from 0 (likelier than not) to 4 (less than one in a hundred). */
export function surprise(logprob) {
  const share = Math.exp(logprob);
  const step = STEPS.findIndex((least) => share >= least);
  return step < 0 ? STEPS.length : step;
}

export const spansOf = (reply) => spans(reply.text, reply.tokens, reply.begun.text.length);

/** A paragraph that shows a reply; `update` after its text has grown, or after `thinking` was turned. */
export class ReplyText {
  constructor(reply, look) {
    this.reply = reply;
    this.element = el("p", { class: "text", dir: "auto" });
    this.look = look;
    this.thinking = null;
    this.shown = [];
    this.element.addEventListener("keydown", (event) => this.#walk(event));
  }

  update(thinking) {
    thinking &&= this.reply.tokens.length > 0;
    if (thinking !== this.thinking) {
      this.element.replaceChildren();
      this.shown = [];
      this.thinking = thinking;
      this.element.toggleAttribute("data-thinking", thinking);
      this.#role(thinking);
    }
    if (thinking) this.#tokens();
    else if (this.element.textContent !== this.reply.text) this.#plain();
  }

  /** Puts the focus on the token at an index. */
  focus(index) {
    const at = this.shown.findIndex(({ span }) => span.to > index);
    this.#focus(Math.max(0, at));
  }

  #plain() {
    const grown = this.reply.text.slice(this.element.textContent.length);
    if (this.element.textContent + grown === this.reply.text) this.element.append(grown);
    else this.element.textContent = this.reply.text;
  }

  #role(thinking) {
    if (thinking) {
      this.element.setAttribute("role", "group");
      this.element.setAttribute(
        "aria-label",
        "Token by token. Arrow keys walk, Enter shows what else could have come.",
      );
      if (this.reply.begun.text) this.element.append(el("span", { class: "given", text: this.reply.begun.text }));
    } else {
      this.element.removeAttribute("role");
      this.element.removeAttribute("aria-label");
    }
  }

  #tokens() {
    const found = spansOf(this.reply);
    // All but the last are settled: more tokens may yet belong to a character that is not whole.
    let same = Math.max(0, this.shown.length - 1);
    while (same > 0 && this.shown[same - 1].span.text !== found[same - 1]?.text) same--;
    for (const { element } of this.shown.splice(same)) element.remove();
    for (const span of found.slice(same)) this.#add(span);
  }

  #add(span) {
    const token = this.reply.tokens[span.from];
    const first = this.shown.length === 0;
    const element = el("span", {
      class: `token s${surprise(token.logprob)}`,
      role: "button",
      tabindex: first ? 0 : -1,
      "aria-label": `${visible(span.text)}, ${percent(Math.exp(token.logprob))}`,
      text: span.text,
      onmouseenter: () => this.look.hover(element, this.reply, span, this),
      onmouseleave: () => this.look.leave(),
      onfocus: () => this.look.hover(element, this.reply, span, this),
      onclick: () => this.look.pin(element, this.reply, span, this),
    });
    this.shown.push({ span, element });
    this.element.append(element);
  }

  #walk(event) {
    const at = this.shown.findIndex(({ element }) => element === document.activeElement);
    if (at < 0) return;
    const ways = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.shown.length - 1 };
    if (event.key in ways) this.#focus(ways[event.key]);
    else if (["Enter", " ", "ArrowDown"].includes(event.key)) {
      this.look.pin(this.shown[at].element, this.reply, this.shown[at].span, this);
      this.look.enter();
    } else if (event.key === "Escape") this.look.close();
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
