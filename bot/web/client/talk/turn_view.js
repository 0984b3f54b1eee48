// The view of a turn: your message, which can be edited, and the answers to it.

import { button, el } from "../base/dom.js";
import { Refusal } from "./refusal.js";
import { ReplyView } from "./reply_view.js";
import { versions } from "./versions.js";

/** A turn. `show` it when it may differ; only what does is rendered again. */
export class TurnView {
  constructor(acts) {
    Object.assign(this, { acts, replies: new Map(), said: null, state: "" });
    this.message = el("div", { class: "said" });
    this.answers = el("div", { class: "replies" });
    this.others = el("div", { class: "others" });
    this.refusal = new Refusal();
    this.element = el("div", { class: "turn" }, this.message, this.answers, this.refusal.element, this.others);
  }

  show(turn) {
    const state = stateOf(turn);
    if (state !== this.state) this.#render(turn);
    this.state = state;
    return this;
  }

  /** Shows all replies as they are now. */
  update() {
    for (const view of this.replies.values()) view.update();
  }

  #render(turn) {
    this.turn = turn;
    this.#message(turn);
    const views = new Map();
    turn.shown.forEach((reply, index) => {
      const view = this.replies.get(reply.id) ?? new ReplyView(reply, this.acts);
      const many = turn.shown.length > 1;
      view.place({ number: index + 1, of: turn.shown.length, many, chosen: reply === turn.chosen, last: turn.last });
      views.set(reply.id, view);
    });
    for (const [id, view] of this.replies) if (!views.has(id)) view.element.remove();
    this.replies = views;
    [...views.values()].forEach(({ element }, index) => {
      if (this.answers.children[index] !== element)
        this.answers.insertBefore(element, this.answers.children[index] ?? null);
    });
    this.answers.className = turn.shown.length > 1 ? `replies several of-${turn.shown.length}` : "replies";
    this.others.replaceChildren(...versions("Answer", turn.variants, turn.chosen, (node) => this.acts.goTo(node)));
  }

  #message({ said, saids }) {
    const state = `${said.id} ${saids.length}`;
    if (state === this.said) return;
    this.said = state;
    if (!said.text) return;
    this.message.replaceChildren(
      el("p", { class: "asked", dir: "auto" }, el("span", { class: "unseen", text: "You: " }), said.text),
      el(
        "div",
        { class: "said-tools" },
        ...versions("Your message", saids, said, (node) => this.acts.goTo(node)),
        button("Edit", () => this.edit(), { title: "say it otherwise: what followed stays beside it" }),
      ),
    );
  }

  /** Makes your message a field; sent, it is another version beside this one. */
  edit() {
    const { said } = this.turn;
    const field = el("textarea", { class: "edit", rows: 3, "aria-label": "Your message, edited" });
    field.value = said.text;
    const close = () => {
      this.said = null;
      this.#message(this.turn);
      this.message.querySelector(".said-tools button:last-child").focus();
    };
    const send = () => {
      const text = field.value.trim();
      if (!text || text === said.text) close();
      else if (this.acts.fits(text)) {
        close();
        this.acts.edit(said, text);
      }
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    const tools = [button("Cancel", close), button("Send", send, { class: "main" })];
    this.message.replaceChildren(field, el("div", { class: "said-tools" }, ...tools));
    field.focus();
  }
}

/** All that the view of a turn depends on, beside the replies' own texts. */
function stateOf({ said, saids, shown, chosen, variants, last }) {
  const ids = (nodes) => nodes.map(({ id }) => id).join(",");
  return [said.id, saids.length, ids(shown), chosen?.id, ids(variants), last].join(" ");
}
