// A conversation: turns, each with a message and its replies. Knows no page.

const MAX_MESSAGES = 20; // sent to dann at most, as in its chats
const DROPPED = 8; // oldest messages at once: in between, prompts start alike, for the engine's prefix cache
const MAX_CHARACTERS = 10_000; // of all messages but the last; servers refuse prompts that are too long
const SEEDS = 1_000_000_000;

export const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;

export const newConversation = () => ({ id: String(Date.now()) + newSeed(), at: Date.now(), turns: [] });

export const newTurn = (asked) => ({ asked, replies: [], chosen: 0 });

/**
 * A reply to be drawn: `messages` to answer, and `begun`, its first tokens. With `params`, `seed` and `checkpoint` they
 * determine its text.
 */
export function newReply(messages, params, seed, { checkpoint = null, begun = { ids: [], text: "" } } = {}) {
  return { messages, params, seed, checkpoint, begun, text: begun.text, tokens: [], state: "new", note: "" };
}

/** The messages up to the one of the turn at `index`, as the server takes them. */
export function messagesUntil(turns, index) {
  const messages = [];
  turns.slice(0, index + 1).forEach((turn, number) => {
    if (turn.asked) messages.push({ mine: false, text: turn.asked });
    const reply = turn.replies[turn.chosen];
    if (number < index && reply?.text) messages.push({ mine: true, text: reply.text });
  });
  const more = Math.max(0, messages.length - MAX_MESSAGES);
  return newest(messages.slice(Math.ceil(more / DROPPED) * DROPPED));
}

function newest(messages) {
  let room = MAX_CHARACTERS;
  const from = messages.findLastIndex(({ text }) => (room -= text.length) < 0);
  return messages.slice(Math.min(from + 1, messages.length - 1));
}

/** Turns for these messages; the last one has no reply yet. */
export function turnsOf(messages) {
  const turns = [];
  for (const { mine, text } of messages) {
    if (!mine || !turns.length || turns.at(-1).replies.length) turns.push(newTurn(mine ? "" : text));
    if (mine) turns.at(-1).replies.push({ ...newReply([], null, null), text, state: "stop" });
  }
  if (!turns.length || turns.at(-1).replies.length) turns.push(newTurn(""));
  return turns;
}

/** The first tokens of a reply, up to `until`, as ids and text, to continue from there. */
export function beginning(reply, spans, until) {
  const taken = reply.tokens.slice(0, until).filter((token) => token.text !== "");
  const text = spans
    .filter((span) => span.to <= until)
    .map((span) => span.text)
    .join("");
  return { ids: [...reply.begun.ids, ...taken.map((token) => token.id)], text: reply.begun.text + text };
}
