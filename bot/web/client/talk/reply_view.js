// The view of one reply, with its buttons.

import { button, el, setText } from "../base/dom.js";
import { averageSurprise } from "../think/entropy.js";
import { ReplyText } from "../think/reply_text.js";
import { isUnfinished } from "../store/replies.js";

const NOTES = {
  stopped: "stopped",
  away: "waiting for the server",
  waiting: "waits for its turn",
  length: "cut at its longest length",
  content_filter: "ended here: it would repeat stored messages",
};

/** One reply. `acts` has what its buttons do, whether tokens are shown (`thinking`), and `alternatives`. */
export class ReplyView {
  constructor(reply, acts) {
    Object.assign(this, { reply, acts, position: {}, buttons: "" });
    this.text = new ReplyText(reply, acts.alternatives);
    this.line = el("p", { class: "hint surprise" });
    this.meta = el("p", { class: "meta" });
    this.actions = el("div", { class: "actions" });
    const foot = el("footer", {}, this.meta, this.actions);
    this.element = el("article", { class: "reply", tabindex: -1 }, this.text.element, this.line, foot);
  }

  /** Says which of how many answers side by side it is, chosen or not, in the last turn or not. */
  place(position) {
    this.position = position;
    const { number, of, many, chosen } = position;
    this.element.setAttribute("aria-label", many ? `Answer ${number} of ${of}` : "Answer");
    this.element.classList.toggle("chosen", many && chosen);
    this.update();
  }

  /** Shows the reply's present text and state. */
  update() {
    const { reply, acts } = this;
    const drawing = isUnfinished(reply) && acts.drawing.isDrawing(reply);
    if (this.element.dataset.state !== reply.state) this.element.dataset.state = reply.state;
    if (this.element.getAttribute("aria-busy") !== String(drawing))
      this.element.setAttribute("aria-busy", String(drawing));
    this.text.update(acts.thinking);
    setText(this.line, acts.thinking && !drawing ? averageSurprise(reply.tokens) : "");
    setText(this.meta, drawing ? (NOTES[reply.state] ?? "") : this.#meta());
    this.#buttons(drawing);
  }

  #meta() {
    const { reply, position } = this;
    if (reply.state === "gone") return `Its checkpoint, ${reply.checkpoint}, is gone: it cannot be drawn again.`;
    if (reply.state === "recorded") return recordedNote(reply);
    if (isUnfinished(reply)) return "being written in another tab";
    const recipe = reply.seed === null ? [] : [`seed ${reply.seed}`, `temperature ${reply.params.temperature}`];
    const note = reply.note || NOTES[reply.state] || "";
    return [position.many ? `${position.number} of ${position.of}` : "", ...recipe, note].filter(Boolean).join(" · ");
  }

  #buttons(drawing) {
    const wanted = drawing ? [] : this.#wanted();
    const state = wanted.map(([text]) => text).join();
    if (state === this.buttons) return;
    this.buttons = state;
    const made = wanted.map(([text, name, title]) => button(text, () => this.acts[name](this.reply), { title }));
    this.actions.replaceChildren(...made);
  }

  /** The buttons as [text, method of `acts`, help]. */
  #wanted() {
    const { reply, position, acts } = this;
    const { many, chosen, last } = position;
    if (["gone", "recorded"].includes(reply.state)) {
      const now = ["Ask the checkpoint that serves now", "askNow", "its text may differ"];
      return [now, ...(reply.text ? [["Copy", "copy", "copy the text"]] : [])];
    }
    if (reply.state === "refused" && !reply.text) return [["Try again", "retry", "ask again"]];
    if (isUnfinished(reply)) return [];
    const other = many && !chosen;
    return [
      ...(other ? [["Take this", "take", "continue the conversation with this answer"]] : []),
      ...(!other && last && reply.seed !== null ? [["Again", "again", "another answer, with a new seed"]] : []),
      ...(!other && reply.text ? [["Continue", "goOn", "make the answer longer"]] : []),
      ["Copy", "copy", "copy the text"],
      ...(reply.checkpoint ? [["Link", "link", "copy a link that shows this text to anyone"]] : []),
      ...(other ? [] : [["Picture", "picture", "save as a picture"]]),
      ...(acts.canReport && !other && reply.checkpoint
        ? [["Report", "report", "tell dann’s owner about this answer"]]
        : []),
    ];
  }
}

function recordedNote({ checkpoint, shortened }) {
  const why = shortened ? "the link left out how the conversation began" : `its checkpoint, ${checkpoint}, is gone`;
  return `Recorded: this is the text as it was when the link was made, as ${why}. Asked again, the text may differ.`;
}
