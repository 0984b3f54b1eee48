// The field for your message: its height, its limit, and its draft, which is kept while you write.

import { byId, setText } from "../base/dom.js";
import { erase, load, save } from "../store/storage.js";

const LONGEST = 4000; // characters of a message, as long as a chat's
const KEEP_AFTER = 300; // milliseconds without a key
const NEW = "new"; // the draft of a conversation that has not begun

const count = (number) => number.toLocaleString("en");

/** What is wrong with a message; "" where it can be sent. Nothing is cut off. */
export function tooLong(text) {
  if (text.length <= LONGEST) return "";
  const most = `${count(LONGEST)} characters are the most`;
  return `This has ${count(text.length)} characters, and ${most}: shorten it by ${count(text.length - LONGEST)}.`;
}

/**
 * The form below the conversation; `say(text)` sends, and returns whether it was sent; `edit` edits the last message.
 */
export class Composer {
  constructor(say, edit) {
    Object.assign(this, { say, edit, draft: null });
    this.field = byId("say");
    byId("dock").addEventListener("submit", (event) => (event.preventDefault(), this.submit()));
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("input", () => this.#changed());
    addEventListener("pagehide", () => this.#keep());
  }

  /** Shows the draft of a conversation: its own, or the one of those that have not begun. */
  open({ id, isKept }) {
    this.#keep();
    this.draft = `draft.${isKept ? id : NEW}`;
    this.field.value = load(this.draft, "");
    this.#changed();
  }

  /** Keeps the draft with a conversation from now on: one that has begun has its own. */
  belongTo({ id }) {
    if (this.draft === `draft.${id}`) return;
    erase(this.draft);
    this.draft = `draft.${id}`;
  }

  submit() {
    const text = this.field.value.trim();
    if (!text || !this.fits(text)) return;
    if (!this.say(text)) return;
    this.field.value = "";
    erase(this.draft);
    this.#changed();
    if (document.activeElement !== this.field) this.field.focus();
  }

  /** Whether a message can be sent; says why where it cannot. */
  fits(text) {
    const trouble = tooLong(text);
    byId("trouble").hidden = !trouble;
    setText(byId("trouble"), trouble);
    return !trouble;
  }

  #changed() {
    this.fits(this.field.value.trim());
    this.field.style.height = "auto";
    if (this.field.value) this.field.style.height = `${Math.min(this.field.scrollHeight + 2, innerHeight / 3)}px`;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#keep(), KEEP_AFTER);
  }

  #keep() {
    clearTimeout(this.timer);
    if (!this.draft) return;
    if (this.field.value) save(this.draft, this.field.value);
    else erase(this.draft);
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "ArrowUp" && !this.field.value) {
      event.preventDefault();
      this.edit();
    }
  }
}
