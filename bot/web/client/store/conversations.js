// Conversations in this browser: a head for each, and each message under a name of its own, so that a new one rewrites
// no other and two tabs never overwrite each other's.
//
//     c.ID      {v: 2, id, at, name, title, picks}     m.ID.MESSAGE   a message of the tree
//                                                      t.ID.MESSAGE   the tokens of a reply, for the newest ones

import { erase, flush, has, load, names, save } from "./storage.js";
import { nodesOf } from "./migrate.js";
import { kept, revived } from "./replies.js";
import { Tree, newId } from "./tree.js";

export const VERSION = 2;
const OLD = "conversations"; // one list of all, in version 1
const REPLIES_WITH_TOKENS = 12; // of a conversation, the newest
const TITLE = 80; // characters

const trouble = { full: false, told: () => {} };

/** Calls `told(full)` when the storage is full, and when it no longer is. */
export function onFull(told) {
  trouble.told = told;
}

/** One conversation; nothing is kept before its first message. */
export class Conversation {
  constructor(head, nodes = []) {
    this.head = head;
    this.tree = new Tree(nodes, head.picks);
    this.isKept = false;
    this.isGone = false; // deleted, here or in another tab: nothing of it is kept again
    this.withTokens = [];
  }

  static fresh(nodes = [], picks = {}) {
    return new Conversation({ v: VERSION, id: newId(), at: Date.now(), name: "", title: "", picks }, nodes);
  }

  /** The conversation of an id, as it is kept; null where it is not. */
  static open(id) {
    const head = load(`c.${id}`);
    if (head?.v !== VERSION) return null;
    const nodes = names(`m.${id}.`).map((name) => load(name));
    const found = nodes.filter(Boolean).sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
    const tokens = names(`t.${id}.`);
    const opened = new Conversation(
      { ...head, picks: { ...head.picks } },
      found.map((node) => revived(node, tokens.includes(`t.${id}.${node.id}`) ? load(`t.${id}.${node.id}`) : null)),
    );
    opened.isKept = true;
    opened.withTokens = found.filter((node) => tokens.includes(`t.${id}.${node.id}`)).map((node) => node.id);
    return opened;
  }

  get id() {
    return this.head.id;
  }

  /** Adds messages and keeps them. */
  add(...nodes) {
    for (const node of nodes) this.tree.add(node);
    this.head.at = Date.now();
    this.head.title ||= (nodes.find(({ text }) => text)?.text ?? "").slice(0, TITLE);
    this.keepHead();
    for (const node of nodes) this.keep(node);
  }

  /** Shows a message instead of its siblings. */
  pick(node) {
    if (this.tree.pick(node)) this.keepHead();
  }

  rename(name) {
    this.head.name = name;
    this.keepHead();
  }

  keepHead() {
    if (this.#isDeleted()) return;
    if (write(`c.${this.id}`, this.head, this.id)) this.isKept = true;
  }

  /** Keeps a message as it is now. */
  keep(node) {
    if (!this.#isDeleted()) write(`m.${this.id}.${node.id}`, kept(node), this.id);
  }

  /** Keeps a reply that has ended, with its tokens; the oldest ones' tokens make room. */
  keepEnded(reply) {
    this.keep(reply);
    if (this.isGone || !reply.tokens.length) return;
    const name = `t.${this.id}.${reply.id}`;
    this.withTokens = [...this.withTokens.filter((id) => id !== reply.id), reply.id];
    for (const id of this.withTokens.splice(0, this.withTokens.length - REPLIES_WITH_TOKENS)) {
      erase(`t.${this.id}.${id}`);
    }
    if (!save(name, reply.tokens)) erase(name); // its text is kept, which is what matters
  }

  /** Takes over a message that another tab kept; what is shown here instead of it stays shown. */
  merge(node) {
    const known = this.tree.get(node.id);
    if (known) return void Object.assign(known, node);
    const shown = this.tree.shown(node.parent);
    this.tree.add(node.mine ? { ...node, tokens: [] } : node);
    if (shown) this.tree.picks[node.parent] = shown.id;
  }

  #isDeleted() {
    if (this.isKept && !has(`c.${this.id}`)) this.isGone = true;
    return this.isGone;
  }
}

/** Writes; where there is no room, tokens of other conversations make some, the oldest first. */
function write(name, value, own) {
  let done = save(name, value);
  if (!done) {
    const isOwn = (token) => Number(token.startsWith(`t.${own}.`));
    const tokens = names("t.").sort((one, other) => isOwn(one) - isOwn(other) || (one < other ? -1 : 1));
    for (const token of tokens) {
      erase(token);
      if ((done = save(name, value))) break;
    }
  }
  if (trouble.full === done) {
    if (done) flush();
    trouble.full = !done;
    trouble.told(!done);
  }
  return done;
}

/** The heads of all conversations, newest first. */
export function heads() {
  migrate();
  return names("c.")
    .map((name) => load(name))
    .filter((head) => head?.v === VERSION)
    .sort((one, other) => other.at - one.at);
}

/** What a conversation is called: its name, or how it begins. */
export const titleOf = (head) => head.name || head.title || "…";

/** Deletes one conversation, or all with null, and what was being written. */
export function remove(id = null) {
  const own = id === null ? "" : `${id}.`;
  for (const kind of ["m.", "t."]) names(kind + own).forEach(erase);
  if (id === null) names("c.").forEach(erase);
  else erase(`c.${id}`);
  names(id === null ? "draft." : `draft.${id}`).forEach(erase);
  if (id === null) erase(OLD);
  if (trouble.full && flush()) {
    trouble.full = false;
    trouble.told(false);
  }
}

/** Takes over what version 1 kept: also from a tab of it that is still open. */
function migrate() {
  const old = load(OLD, []);
  if (!old.length) return;
  erase(OLD);
  for (const { id, at, turns } of old) {
    if (has(`c.${id}`)) continue;
    const { nodes, picks } = nodesOf(turns, at);
    const made = new Conversation({ v: VERSION, id: String(id), at, name: "", title: "", picks });
    made.add(...nodes);
    made.head.at = at;
    made.keepHead();
    for (const node of nodes.filter(({ mine }) => mine)) made.keepEnded(node);
  }
}
