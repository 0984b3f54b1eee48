// Conversations as files: JSON, which holds all of them with their branches and comes back, and Markdown to read.
//
//     {"dann": "conversations", "v": 2, "conversations": [{"head": {...}, "messages": [...]}]}

import { Conversation, VERSION, heads, titleOf } from "./conversations.js";
import { load, names } from "./storage.js";
import { kept, revived } from "./replies.js";
import { ROOT } from "./tree.js";

const KIND = "conversations";
const LONGEST = 100_000; // characters of one message
const WRONG = "This file has no conversations: export one here, as JSON, to see its form";

/** All conversations as JSON. */
export function asJson() {
  const conversations = heads().map((head) => ({ head, messages: messagesOf(head.id) }));
  return JSON.stringify({ dann: KIND, v: VERSION, conversations }, null, 1);
}

const messagesOf = (id) =>
  names(`m.${id}.`)
    .map((name) => load(name))
    .filter(Boolean);

/** The texts of a conversation, of all branches. */
export const textsOf = (id) => messagesOf(id).map(({ text }) => text);

/** The shown branch of a conversation as Markdown. */
export function asMarkdown(id, name) {
  const { head, tree } = Conversation.open(id);
  const lines = tree.path().map(({ mine, text }) => `**${mine ? name : "You"}:** ${text.replaceAll("\n", "  \n")}\n`);
  return [`# ${titleOf(head)}\n`, ...lines].join("\n");
}

/**
 * Takes over the conversations of a file: merged by message with those that are here. `wrong` says why it took none.
 */
export function bring(text) {
  const found = parsed(text);
  if (!found) return { added: 0, wrong: WRONG };
  for (const { head, messages } of found) {
    const here = Conversation.open(head.id);
    const conversation = here ?? new Conversation({ v: VERSION, ...head });
    const missing = messages.filter(({ id }) => !conversation.tree.get(id)).map((node) => revived(node));
    conversation.add(...missing.map((node) => (node.mine ? { ...kept(node), tokens: [] } : node)));
    Object.assign(conversation.head, { at: here ? here.head.at : head.at, name: here?.head.name || head.name });
    conversation.keepHead();
  }
  return { added: found.length, wrong: "" };
}

/** The conversations of a file, each checked as far as the page relies on it; null where it is no such file. */
function parsed(text) {
  try {
    const { dann, v, conversations } = JSON.parse(text);
    if (dann !== KIND || v !== VERSION || !Array.isArray(conversations)) return null;
    return conversations.every(isWhole) ? conversations.map(plain) : null;
  } catch {
    return null;
  }
}

const isId = (value) => typeof value === "string" && /^[\w-]{1,64}$/.test(value);
const isText = (value) => typeof value === "string" && value.length <= LONGEST;

function isWhole({ head, messages }) {
  const ids = new Set(messages.map(({ id }) => id));
  const isMessage = (one) =>
    isId(one.id) &&
    (one.parent === ROOT || ids.has(one.parent)) &&
    Number.isFinite(one.at) &&
    isText(one.text) &&
    (one.mine ? isReply(one) : true);
  return isId(head.id) && Number.isFinite(head.at) && messages.every(isMessage);
}

function isReply({ begun, ids, params, seed }) {
  const areIds = (value) => value === null || (Array.isArray(value) && value.every(Number.isInteger));
  return (
    isText(begun?.text) &&
    areIds(begun.ids) &&
    areIds(ids) &&
    (params === null || Object.values(params).every(Number.isFinite)) &&
    (seed === null || Number.isInteger(seed))
  );
}

/** A conversation with the fields that the page knows, and no other. */
function plain({ head, messages }) {
  const { id, at, name, title, picks } = head;
  const isPick = ([parent, child]) => (parent === ROOT || isId(parent)) && isId(child);
  return {
    head: {
      id,
      at,
      name: isText(name) ? name : "",
      title: isText(title) ? title : "",
      picks: Object.fromEntries(Object.entries(picks ?? {}).filter(isPick)),
    },
    messages: messages.map(({ id, parent, at, mine, text, ...reply }) =>
      mine ? { id, parent, at, mine: true, text, ...fields(reply) } : { id, parent, at, mine: false, text },
    ),
  };
}

function fields({ batch, params, seed, checkpoint, begun, ids, state, note }) {
  return {
    batch: String(batch),
    params,
    seed,
    checkpoint: checkpoint ?? null,
    begun,
    ids,
    state: String(state),
    note: String(note ?? ""),
  };
}
