// The view of one reply, with its buttons.

import { button, el } from "./dom.js";
import { entropyLine } from "./entropy.js";
import { ReplyText } from "./reply_text.js";

const NOTES = { stopped: "stopped", away: "waiting for the server", refused: "" };

/** One reply. `acts` are the chat's methods; `position`: which of how many, chosen or not, in the last turn or not. */
export class ReplyView {
  constructor(reply, position, acts, alternatives) {
    Object.assign(this, { reply, position, acts });
    this.text = new ReplyText(reply, alternatives);
    this.line = el("div", { class: "line-of-entropy" });
    this.meta = el("p", { class: "meta" });
    this.actions = el("div", { class: "actions" });
    this.element = el(
      "article",
      { class: "reply", tabindex: -1, "aria-label": this.#name() },
      this.text.element,
      this.line,
      el("footer", {}, this.meta, this.actions),
    );
    this.element.classList.toggle("chosen", position.many && position.chosen);
  }

  /** Shows the reply's present text and state. */
  update(thinking) {
    const { reply } = this;
    const drawing = reply.state === "new" || reply.state === "drawing";
    this.element.dataset.state = reply.state;
    this.element.setAttribute("aria-busy", String(drawing));
    this.text.update(thinking);
    if (!drawing) this.#ended(thinking);
  }

  #ended(thinking) {
    const line = thinking ? entropyLine(this.reply.tokens) : null;
    this.line.replaceChildren(...(line ? [line] : []));
    this.meta.textContent = this.#meta();
    this.actions.replaceChildren(...this.#buttons());
  }

  #name() {
    const { number, of } = this.position;
    return of > 1 ? `Answer ${number} of ${of}` : "Answer";
  }

  #meta() {
    const { reply, position } = this;
    const recipe = reply.seed === null ? [] : [`seed ${reply.seed}`, `temperature ${reply.params.temperature}`];
    const note = reply.note || NOTES[reply.state] || (reply.state === "length" ? "cut at its longest length" : "");
    return [position.many ? `${position.number} of ${position.of}` : "", ...recipe, note].filter(Boolean).join(" · ");
  }

  #buttons() {
    const { reply, position, acts } = this;
    const act = (text, name, title) => button(text, () => acts[name](reply), { title });
    if (reply.state === "refused" && !reply.text) return [act("Try again", "retry", "ask again")];
    const buttons = [];
    const other = position.many && !position.chosen;
    if (other) buttons.push(act("Take this", "take", "continue the conversation with this answer"));
    else if (position.last && reply.seed !== null) buttons.push(act("Again", "again", "another answer, with a new seed"));
    if (position.last && !other && reply.tokens.length) buttons.push(act("Go on", "goOn", "make the answer longer"));
    buttons.push(act("Copy", "copy", "copy the text"));
    if (reply.checkpoint) buttons.push(act("Link", "link", "copy a link that gives this text to whoever opens it"));
    if (!other) buttons.push(act("Picture", "picture", "save as a picture"));
    return buttons;
  }
}
