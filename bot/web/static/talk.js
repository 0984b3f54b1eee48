// A conversation: turns, each of a message and the replies it got. Knows no page.

const REMEMBERED = 20; // messages that dann is given at most, as in its chats
const DROPPED = 8; // of the oldest at once: in between conversations begin alike, and what was read of them is not read again
const CHARACTERS = 10_000; // that these have together at most, but for the last; servers refuse more than some number
const SEEDS = 1_000_000_000;

export const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;

export const newConversation = () => ({ id: String(Date.now()) + newSeed(), at: Date.now(), turns: [] });

export const newTurn = (asked) => ({ asked, replies: [], chosen: 0 });

/**
 * A reply still to be drawn. `messages` are what it answers, `begun` how it already begins; with `params`, `seed` and
 * `checkpoint` that is all that its text follows from.
 */
export function newReply(messages, params, seed, { checkpoint = null, begun = { ids: [], text: "" } } = {}) {
  return { messages, params, seed, checkpoint, begun, text: begun.text, tokens: [], state: "new", note: "" };
}

/** What was said before the turn at `index`, and what it asks, as the server takes it. */
export function messagesUntil(turns, index) {
  const messages = [];
  turns.slice(0, index + 1).forEach((turn, number) => {
    if (turn.asked) messages.push({ mine: false, text: turn.asked });
    const reply = turn.replies[turn.chosen];
    if (number < index && reply?.text) messages.push({ mine: true, text: reply.text });
  });
  const more = Math.max(0, messages.length - REMEMBERED);
  return newest(messages.slice(Math.ceil(more / DROPPED) * DROPPED));
}

function newest(messages) {
  let room = CHARACTERS;
  const from = messages.findLastIndex(({ text }) => (room -= text.length) < 0);
  return messages.slice(Math.min(from + 1, messages.length - 1));
}

/** Turns that say these messages; the last of them waits for its reply. */
export function turnsOf(messages) {
  const turns = [];
  for (const { mine, text } of messages) {
    if (!mine || !turns.length || turns.at(-1).replies.length) turns.push(newTurn(mine ? "" : text));
    if (mine) turns.at(-1).replies.push({ ...newReply([], null, null), text, state: "stop" });
  }
  if (!turns.length || turns.at(-1).replies.length) turns.push(newTurn(""));
  return turns;
}

/** How a reply begins up to its token `until`, as ids and as text, for one that goes on from there. */
export function beginning(reply, spans, until) {
  const taken = reply.tokens.slice(0, until).filter((token) => token.text !== "");
  const text = spans
    .filter((span) => span.to <= until)
    .map((span) => span.text)
    .join("");
  return { ids: [...reply.begun.ids, ...taken.map((token) => token.id)], text: reply.begun.text + text };
}
