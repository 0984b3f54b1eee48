// The conversation on the page: what is said, what is drawn for it, and what is done with the replies.

import { hand } from "./clipboard.js";
import { byId } from "./dom.js";
import { draw } from "./draw.js";
import { linkTo } from "./link.js";
import { save } from "./picture.js";
import { ReplyView } from "./reply_view.js";
import { follow, showAway, showBusy } from "./signs.js";
import { keepConversation } from "./store.js";
import { beginning, messagesUntil, newConversation, newReply, newTurn, turnsOf } from "./talk.js";
import { spansOf } from "./thoughts.js";
import { turnElement } from "./turn_view.js";
import { welcome } from "./welcome.js";

export class Chat {
  constructor(dials, name) {
    Object.assign(this, {
      dials,
      name,
      look: null,
      thinking: false,
      views: new Map(),
      drawing: new Map(),
      waiting: new Set(),
    });
    this.place = byId("turns");
    this.show(newConversation());
  }

  /** Shows a conversation instead of the present one, whose replies end. */
  show(conversation) {
    if (this.drawing.size) this.#keep();
    this.stop();
    this.conversation = conversation;
    this.#render();
    if (conversation.turns.length) requestAnimationFrame(() => follow(this.place));
  }

  get turns() {
    return this.conversation.turns;
  }

  say(text) {
    this.stop();
    this.turns.push(newTurn(text));
    this.#answer(this.dials.nextSeed());
  }

  /** Draws what a link describes, as a conversation of its own. */
  follow(recipe) {
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

  /** The token of the newest reply where the network hesitated most. */
  mostUndecided() {
    const turn = this.turns.at(-1);
    const tokens = turn?.replies[turn.chosen]?.tokens ?? [];
    return tokens.reduce((most, token) => (most && most.entropy >= token.entropy ? most : token), null);
  }

  // What the buttons of a reply do.

  again() {
    this.stop();
    this.#answer(this.dials.otherSeed());
  }

  retry(reply) {
    this.#replace(reply, newReply(reply.messages, reply.params, reply.seed, reply));
  }

  goOn(reply) {
    this.#goOnFrom(reply, beginning(reply, spansOf(reply), reply.tokens.length));
  }

  /** Another token than the one at `index`, and on from there. */
  choose(reply, index, id, text) {
    const begun = beginning(reply, spansOf(reply), index);
    const shown = text.includes("\uFFFD") ? "" : begun.text ? text : text.trimStart();
    this.#goOnFrom(reply, { ids: [...begun.ids, id], text: begun.text + shown });
  }

  take(reply) {
    const turn = this.turns.at(-1);
    turn.chosen = turn.replies.indexOf(reply);
    this.#render();
    this.#keep();
    this.views.get(reply).element.focus();
  }

  copy(reply) {
    hand(reply.text, "Copied");
  }

  link(reply) {
    hand(linkTo(reply), "Link copied: it gives the same text again");
  }

  picture(reply) {
    const turn = this.turns.find((one) => one.replies.includes(reply));
    save(this.name, turn.asked, reply, this.thinking);
  }

  #goOnFrom(reply, begun) {
    const { messages, seed, checkpoint } = reply;
    this.#replace(reply, newReply(messages, this.dials.params, seed, { checkpoint, begun }));
  }

  /** Another reply where one was. In an earlier turn it begins another conversation: what follows answered the old one. */
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
    const fresh = this.turns.at(-1).replies.filter((reply) => reply.state === "new");
    for (const reply of fresh) this.#draw(reply);
    this.views.get(fresh[0])?.element.focus({ preventScroll: true });
    follow(this.place);
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
    this.#keep();
    this.look.update();
  }

  /** At most once a frame, however fast tokens come. */
  #update(reply) {
    if (this.waiting.has(reply)) return;
    this.waiting.add(reply);
    requestAnimationFrame(() => {
      this.waiting.delete(reply);
      const low = scrollY + innerHeight > document.documentElement.scrollHeight - 80;
      this.views.get(reply)?.update(this.thinking);
      if (low) follow(this.place);
    });
  }

  #keep() {
    keepConversation(this.conversation);
  }

  #render() {
    this.look?.close();
    this.views.clear();
    const last = this.turns.at(-1);
    const view = (reply, place) => this.#view(reply, place);
    this.place.replaceChildren(...this.turns.map((turn) => turnElement(turn, turn === last, view)));
    if (!this.turns.length) this.place.append(welcome(this.name, (text) => this.say(text)));
  }

  #view(reply, place) {
    const view = new ReplyView(reply, place, this, this.look);
    view.update(this.thinking);
    this.views.set(reply, view);
    return view.element;
  }
}
