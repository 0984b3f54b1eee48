// The conversation on the page: your messages, the replies being drawn, and the buttons of replies.

import { copyText } from "./clipboard.js";
import { byId } from "./dom.js";
import { draw } from "./draw.js";
import { linkTo } from "./link.js";
import { savePicture } from "./picture.js";
import { ReplyView } from "./reply_view.js";
import { scrollToEnd, showAway, showBusy } from "./status.js";
import { saveConversation } from "./store.js";
import { beginning, messagesUntil, newConversation, newReply, newTurn, turnsOf } from "./conversation.js";
import { spansOf } from "./reply_text.js";
import { turnElement } from "./turn_view.js";
import { welcome } from "./welcome.js";

/** The view of the conversation. */
export class Chat {
  constructor(dials, name) {
    Object.assign(this, {
      dials,
      name,
      alternatives: null,
      thinking: false,
      views: new Map(),
      drawing: new Map(),
      waiting: new Set(),
    });
    this.root = byId("turns");
    this.show(newConversation());
  }

  /** Shows another conversation; replies being drawn are stopped. */
  show(conversation) {
    if (this.drawing.size) this.#save();
    this.stop();
    this.conversation = conversation;
    this.#render();
    if (conversation.turns.length) requestAnimationFrame(() => scrollToEnd(this.root));
  }

  get turns() {
    return this.conversation.turns;
  }

  say(text) {
    this.stop();
    this.turns.push(newTurn(text));
    this.#answer(this.dials.nextSeed());
  }

  /** Draws the reply that a link describes, in a new conversation. */
  openLink(recipe) {
    this.show({ ...newConversation(), turns: turnsOf(recipe.messages) });
    this.turns.at(-1).replies = [newReply(recipe.messages, recipe.params, recipe.seed, recipe)];
    this.#drawLast();
  }

  stop() {
    for (const controller of this.drawing.values()) controller.abort();
  }

  think(thinking) {
    this.thinking = thinking;
    for (const view of this.views.values()) view.update(thinking);
  }

  /** The token of the newest reply with the highest entropy. */
  mostUncertain() {
    const turn = this.turns.at(-1);
    const tokens = turn?.replies[turn.chosen]?.tokens ?? [];
    return tokens.reduce((most, token) => (most && most.entropy >= token.entropy ? most : token), null);
  }

  // The buttons of a reply.

  again() {
    this.stop();
    this.#answer(this.dials.otherSeed());
  }

  retry(reply) {
    this.#replace(reply, newReply(reply.messages, reply.params, reply.seed, reply));
  }

  goOn(reply) {
    this.#continueFrom(reply, beginning(reply, spansOf(reply), reply.tokens.length));
  }

  /** Continues the reply with another token at `index`. */
  choose(reply, index, id, text) {
    const begun = beginning(reply, spansOf(reply), index);
    const shown = text.includes("\uFFFD") ? "" : begun.text ? text : text.trimStart();
    this.#continueFrom(reply, { ids: [...begun.ids, id], text: begun.text + shown });
  }

  take(reply) {
    const turn = this.turns.at(-1);
    turn.chosen = turn.replies.indexOf(reply);
    this.#render();
    this.#save();
    this.views.get(reply).element.focus();
  }

  copy(reply) {
    copyText(reply.text, "Copied");
  }

  link(reply) {
    copyText(linkTo(reply), "Link copied: it gives the same text again");
  }

  picture(reply) {
    const turn = this.turns.find((one) => one.replies.includes(reply));
    savePicture(this.name, turn.asked, reply, this.thinking);
  }

  #continueFrom(reply, begun) {
    const { messages, seed, checkpoint } = reply;
    this.#replace(reply, newReply(messages, this.dials.params, seed, { checkpoint, begun }));
  }

  /** Replaces a reply. In an earlier turn this starts a new conversation, as later turns answered the old reply. */
  #replace(reply, other) {
    this.stop();
    const at = this.turns.findIndex((turn) => turn.replies.includes(reply));
    if (at < this.turns.length - 1) {
      const before = structuredClone(this.turns.slice(0, at));
      this.conversation = { ...newConversation(), turns: [...before, this.turns[at]] };
    }
    const turn = this.turns[at];
    turn.chosen = turn.replies.indexOf(reply);
    turn.replies[turn.chosen] = other;
    this.#drawLast();
  }

  #answer(seed) {
    const { params, count } = this.dials;
    const messages = messagesUntil(this.turns, this.turns.length - 1);
    const turn = this.turns.at(-1);
    turn.replies = Array.from({ length: count }, (_, index) => newReply(messages, params, (seed + index) % 2 ** 31));
    turn.chosen = 0;
    this.#drawLast();
  }

  #drawLast() {
    this.#render();
    const undrawn = this.turns.at(-1).replies.filter((reply) => reply.state === "new");
    for (const reply of undrawn) this.#draw(reply);
    this.views.get(undrawn[0])?.element.focus({ preventScroll: true });
    scrollToEnd(this.root);
  }

  async #draw(reply) {
    const controller = new AbortController();
    this.drawing.set(reply, controller);
    showBusy(this.drawing.size > 0);
    try {
      await draw(
        reply,
        controller.signal,
        () => this.#update(reply),
        (away) => showAway(this.name, away),
      );
    } finally {
      this.drawing.delete(reply);
      showBusy(this.drawing.size > 0);
      this.#ended(reply);
    }
  }

  #ended(reply) {
    this.#update(reply);
    if (!this.turns.some((turn) => turn.replies.includes(reply))) return;
    byId("heard").textContent = reply.text ? `${this.name}: ${reply.text}` : reply.note;
    if (this.drawing.size === 0) showAway(this.name, false);
    this.#save();
    this.alternatives.update();
  }

  /** Updates a reply's view at most once a frame, however fast tokens come. */
  #update(reply) {
    if (this.waiting.has(reply)) return;
    this.waiting.add(reply);
    requestAnimationFrame(() => {
      this.waiting.delete(reply);
      const atEnd = scrollY + innerHeight > document.documentElement.scrollHeight - 80;
      this.views.get(reply)?.update(this.thinking);
      if (atEnd) scrollToEnd(this.root);
    });
  }

  #save() {
    saveConversation(this.conversation);
  }

  #render() {
    this.alternatives?.close();
    this.views.clear();
    const last = this.turns.at(-1);
    const view = (reply, position) => this.#view(reply, position);
    this.root.replaceChildren(...this.turns.map((turn) => turnElement(turn, turn === last, view)));
    if (!this.turns.length) this.root.append(welcome(this.name, (text) => this.say(text)));
  }

  #view(reply, position) {
    const view = new ReplyView(reply, position, this, this.alternatives);
    view.update(this.thinking);
    this.views.set(reply, view);
    return view.element;
  }
}
