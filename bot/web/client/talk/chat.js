// The conversation on the page: sends your messages, draws answers, and does what the buttons of both say.

import { announce, hush } from "../base/announce.js";
import { copyText } from "../base/clipboard.js";
import { byId, toast } from "../base/dom.js";
import { Conversation, remove } from "../store/conversations.js";
import { NOT_BEGUN, beginning, messagesOf, wholeBeginning } from "../store/prompt.js";
import { newReply, restart } from "../store/replies.js";
import { nodesOf, turnsOf as oldTurnsOf } from "../store/migrate.js";
import { saidNode, ROOT } from "../store/tree.js";
import { Drawing } from "./drawing.js";
import { savePicture } from "./picture.js";
import { isAtEnd, keepInView, scrollToEnd } from "./scroll.js";
import { copyLink, report } from "./share.js";
import { showAway, showBusy } from "./status.js";
import { Thread } from "./thread.js";
import { insteadOfRefused } from "./turns.js";

/** The open conversation. `dials` has the settings of answers, `composer` the field for messages. */
export class Chat {
  constructor(dials, name, composer) {
    Object.assign(this, { dials, name, composer, thinking: false, canReport: false, waiting: new Set() });
    this.thread = new Thread(byId("turns"), this);
    this.drawing = new Drawing({
      piece: (reply) => this.#update(reply),
      ended: (reply) => this.#ended(reply),
      keep: (reply, last) => this.owners.get(reply)?.[last ? "keepEnded" : "keep"](reply),
      away: (away) => showAway(this.name, away),
      busy: showBusy,
      refused: (...refusal) => this.#keepEnd(() => this.thread.refusal(...refusal)),
    });
    this.owners = new Map(); // the conversation of each reply that is being drawn
    this.conversation = Conversation.fresh();
    this.#render();
  }

  get tree() {
    return this.conversation.tree;
  }

  /** Shows another conversation; replies being drawn are stopped. */
  show(conversation = Conversation.fresh()) {
    this.stop();
    this.conversation = conversation;
    this.#render();
    this.composer.open(conversation);
    if (this.thread.turns.length) requestAnimationFrame(() => scrollToEnd(this.thread.root));
  }

  /** Deletes the open conversation, or all. */
  forget(id) {
    const isOpen = id === null || id === this.conversation.id;
    if (isOpen) this.#leave();
    remove(id);
  }

  /** Whether a message is short enough; says why where it is not. */
  fits(text) {
    return this.composer.fits(text);
  }

  /** Sends a message; false where a setting has to be mended first, which is said. */
  say(text) {
    const seed = this.dials.nextSeed();
    if (seed === null) return false;
    this.stop();
    this.#ask(saidNode(this.tree.path().at(-1)?.id ?? ROOT, text), seed, this.dials.takeBegun());
    return true;
  }

  /** Sends another version of a message: a branch beside it. */
  edit(said, text) {
    const seed = this.dials.nextSeed();
    if (seed === null) return;
    this.stop();
    this.#ask(saidNode(said.parent, text), seed, this.dials.takeBegun());
  }

  /** Edits your last message. */
  editLast() {
    const last = this.thread.turns.at(-1);
    if (last?.said.text) this.thread.views.get(last.said.id).edit();
  }

  /** Draws the reply that a link describes, in a new conversation, or shows what it has recorded. */
  openLink({ messages, params, seed, checkpoint, begun, recorded, shortened }) {
    const { nodes, picks } = nodesOf(oldTurnsOf(messages));
    this.show(Conversation.fresh(nodes, picks));
    const reply = newReply(this.tree.path().at(-1).id, params, seed, { checkpoint, begun });
    if (recorded) reply.recorded = recorded;
    if (shortened) Object.assign(reply, { state: "recorded", text: recorded, shortened });
    this.conversation.add(...nodes, reply);
    if (shortened) this.#render();
    else this.#draw([reply]);
  }

  stop() {
    this.drawing.stop();
  }

  think(thinking) {
    keepInView(this.thread.root, () => {
      this.thinking = thinking;
      this.thread.update();
      this.alternatives?.update();
    });
  }

  /** The token of the newest reply with the highest entropy. */
  mostUncertain() {
    const tokens = this.thread.turns.at(-1)?.chosen?.tokens ?? [];
    return tokens.reduce((most, token) => (most && most.entropy >= token.entropy ? most : token), null);
  }

  /** Takes over what another tab kept or deleted of the open conversation. */
  heard(name, value) {
    const { id } = this.conversation;
    if (this.conversation.isKept && (name === null || (name === `c.${id}` && value === null))) {
      this.#leave();
      remove(id);
      toast("This conversation was deleted in another tab");
    } else if (name?.startsWith(`m.${id}.`) && value && !this.drawing.isDrawing(this.tree.get(value.id))) {
      this.conversation.merge(value);
      this.#render();
    }
  }

  // The buttons of a message and of a reply.

  /** Another answer to the last message, with a new seed and the present settings. */
  again() {
    this.stop();
    this.#answer(this.thread.turns.at(-1).said, this.dials.otherSeed(), NOT_BEGUN);
  }

  retry(reply) {
    this.stop();
    restart(reply, reply.begun);
    this.#draw([reply]);
  }

  /** Makes an answer longer: in its place, or beside it where you have answered it already. */
  goOn(reply) {
    this.stop();
    const begun = wholeBeginning(reply);
    if (this.tree.children(reply.id).length) this.#branch(reply, begun);
    else {
      restart(reply, begun, this.dials.params);
      this.#draw([reply]);
    }
  }

  /** Continues a reply with another token at `index`: a branch beside it. */
  choose(reply, index, id, text) {
    this.stop();
    const begun = beginning(reply, index);
    const shown = text.includes("\uFFFD") ? "" : begun.text ? text : text.trimStart();
    this.#branch(reply, { ids: [...begun.ids, id], text: begun.text + shown });
  }

  /** Asks the checkpoint that serves now where the reply's own is gone. */
  askNow(reply) {
    this.stop();
    const begun = reply.state === "recorded" ? NOT_BEGUN : { ids: null, text: reply.begun.text };
    const other = newReply(reply.parent, reply.params, reply.seed, { begun });
    this.conversation.add(other);
    this.#draw([other]);
  }

  take(reply) {
    this.conversation.pick(reply);
    this.#render();
    this.thread.replyView(reply).element.focus();
  }

  /** Shows another version of a message or answer, with what followed it. */
  goTo(node) {
    this.stop();
    keepInView(this.thread.root, () => {
      this.conversation.pick(node);
      this.#render();
    });
  }

  copy(reply) {
    copyText(reply.text, "Copied");
  }

  link(reply) {
    copyLink(this.tree.pathTo(reply));
  }

  picture(reply) {
    savePicture(this.name, this.tree.get(reply.parent)?.text ?? "", reply, this.thinking);
  }

  report(reply) {
    report(reply, this.tree.get(reply.parent)?.text ?? "", this.name);
  }

  /** Offers to report answers, or no longer. */
  allowReports(can) {
    if (this.canReport === can) return;
    this.canReport = can;
    this.thread.update();
  }

  /** Shows an empty conversation instead of one that is deleted; nothing of it is kept again. */
  #leave() {
    this.conversation.isGone = true;
    this.show();
  }

  #branch(reply, begun) {
    const other = newReply(reply.parent, this.dials.params, reply.seed, { checkpoint: reply.checkpoint, begun });
    this.conversation.add(other);
    this.#draw([other]);
  }

  #ask(said, seed, begun) {
    this.conversation.add(said);
    this.#answer(said, seed, begun);
  }

  #answer(said, seed, begun) {
    const { params, count } = this.dials;
    const first = newReply(said.id, params, seed, { begun });
    const others = Array.from({ length: count - 1 }, (_, index) =>
      newReply(said.id, params, seed + index + 1, { begun, batch: first.batch }),
    );
    this.conversation.add(first, ...others);
    this.#draw([first, ...others]);
  }

  #draw(replies) {
    hush();
    this.composer.belongTo(this.conversation);
    this.conversation.pick(replies[0]);
    for (const reply of replies) {
      this.owners.set(reply, this.conversation);
      this.drawing.start(reply, messagesOf(this.tree.pathTo(reply).slice(0, -1)));
    }
    this.#render(); // as being drawn: before it is begun, a new reply would look like another tab's
    this.#follow(replies[0]);
  }

  /**
   * Scrolls to a new reply, and focuses it where the button that asked for it is gone: once a frame has laid it out.
   */
  #follow(reply) {
    requestAnimationFrame(() => {
      const isLost = document.activeElement === document.body;
      if (isLost) this.thread.replyView(reply)?.element.focus({ preventScroll: true });
      scrollToEnd(this.thread.root);
    });
  }

  #ended(reply) {
    const owner = this.owners.get(reply);
    this.owners.delete(reply);
    owner?.keepEnded(reply);
    if (owner !== this.conversation) return;
    const better = insteadOfRefused(this.tree, reply);
    if (better) {
      this.conversation.pick(better);
      this.#render();
    }
    this.#update(reply);
    const { number, of } = this.thread.place(reply);
    const who = of > 1 ? `Answer ${number} of ${of}` : this.name;
    announce(reply.text ? `${who}: ${reply.text}` : reply.note);
    if (!this.drawing.isBusy) showAway(this.name, false);
    this.alternatives?.update();
  }

  /** Updates a reply's view at most once a frame, however fast tokens come. */
  #update(reply) {
    if (this.waiting.has(reply)) return;
    this.waiting.add(reply);
    requestAnimationFrame(() => {
      this.waiting.delete(reply);
      this.#keepEnd(() => this.thread.replyView(reply)?.update());
    });
  }

  /** Changes something at the end of the page, which stays in view where it was. */
  #keepEnd(change) {
    const atEnd = isAtEnd();
    change();
    if (atEnd) scrollToEnd(this.thread.root);
  }

  #render() {
    this.alternatives?.close();
    this.thread.show(this.tree);
    byId("welcome").hidden = this.thread.turns.length > 0;
  }
}
