// How one reply looks, and what can be done with it.

import { button, el } from "./dom.js";
import { entropyLine } from "./entropy.js";
import { ReplyText } from "./thoughts.js";

const NOTES = { stopped: "stopped", away: "waits for the server", refused: "" };

/** One reply. `acts` are the conversation's; `place` says which of how many it is, if chosen, and if in the last turn. */
export class ReplyView {
  constructor(reply, place, acts, look) {
    Object.assign(this, { reply, place, acts });
    this.text = new ReplyText(reply, look);
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
    this.element.classList.toggle("chosen", place.many && place.chosen);
  }

  /** After it has grown, or ended, or thinking was turned. */
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
    const { number, of } = this.place;
    return of > 1 ? `Answer ${number} of ${of}` : "Answer";
  }

  #meta() {
    const { reply, place } = this;
    const said = reply.seed === null ? [] : [`seed ${reply.seed}`, `temperature ${reply.params.temperature}`];
    const note = reply.note || NOTES[reply.state] || (reply.state === "length" ? "ran out of length" : "");
    return [place.many ? `${place.number} of ${place.of}` : "", ...said, note].filter(Boolean).join(" · ");
  }

  #buttons() {
    const { reply, place, acts } = this;
    const act = (text, name, title) => button(text, () => acts[name](reply), { title });
    if (reply.state === "refused" && !reply.text) return [act("Try again", "retry", "ask once more")];
    const can = [];
    const apart = place.many && !place.chosen;
    if (apart) can.push(act("Take this", "take", "the conversation goes on with this answer"));
    else if (place.last && reply.seed !== null) can.push(act("Again", "again", "another answer, with another seed"));
    if (place.last && !apart && reply.tokens.length) can.push(act("Go on", "goOn", "let it say more"));
    can.push(act("Copy", "copy", "copy the text"));
    if (reply.checkpoint) can.push(act("Link", "link", "copy a link that gives this text again to whoever opens it"));
    if (!apart) can.push(act("Picture", "picture", "save as a picture"));
    return can;
  }
}
