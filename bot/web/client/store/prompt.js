// What of a conversation is sent to dann, and how an answer is begun. Pure.

import { spansOf } from "../think/spans.js";

const MAX_MESSAGES = 20; // sent to dann at most, as in its chats
const DROPPED = 8; // oldest messages at once: in between, prompts start alike, for the engine's prefix cache
const MAX_CHARACTERS = 10_000; // of all messages but the last; servers refuse prompts that are too long
const SEEDS = 1_000_000_000;

export const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;

/** The messages of a path, as the server takes them: the last is the one to be answered. */
export function messagesOf(path) {
  const messages = path.filter(({ text }) => text).map(({ mine, text }) => ({ mine, text }));
  const more = Math.max(0, messages.length - MAX_MESSAGES);
  return newest(messages.slice(Math.ceil(more / DROPPED) * DROPPED));
}

function newest(messages) {
  let room = MAX_CHARACTERS;
  const from = messages.findLastIndex(({ text }) => (room -= text.length) < 0);
  return messages.slice(Math.min(from + 1, messages.length - 1));
}

export const NOT_BEGUN = { ids: [], text: "" };

/** The first tokens of a reply, up to `until`, as ids and text, to continue from there. */
export function beginning(reply, until) {
  const taken = reply.tokens.slice(0, until).filter((token) => token.text !== "");
  const text = spansOf(reply)
    .filter((span) => span.to <= until)
    .map((span) => span.text)
    .join("");
  return { ids: [...(reply.begun.ids ?? []), ...taken.map((token) => token.id)], text: reply.begun.text + text };
}

/**
 * All of a reply as a beginning. Its text is what its tokens spell, with the space at the end that is not shown; alone
 * where they are not known any more, and the server then encodes it.
 */
export function wholeBeginning(reply) {
  if (reply.tokens.length) return beginning(reply, reply.tokens.length);
  const { begun, ids, text, spelled = text } = reply;
  return { ids: begun.ids && ids ? [...begun.ids, ...ids] : null, text: spelled };
}
