// Storage in this browser: conversations, settings, theme and the quiz's score. Nothing of it is sent anywhere.

const MAX_CONVERSATIONS = 50;
const TURNS_WITH_TOKENS = 6; // the newest turns, whose tokens and probabilities are kept too
const UNFINISHED = ["new", "drawing", "away"]; // states of a reply whose page was closed while it was drawn

/** The value kept under a name, or `otherwise`, also where the browser stores nothing. */
export function load(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`dann.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keeps a value under a name; false where there is no room. */
export function save(name, value) {
  try {
    localStorage.setItem(`dann.${name}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** All conversations, newest first. */
export function conversations() {
  const all = load("conversations", []);
  for (const reply of all.flatMap(({ turns }) => turns.flatMap(({ replies }) => replies))) {
    if (UNFINISHED.includes(reply.state)) reply.state = "stopped";
  }
  return all;
}

/** Keeps a conversation as the newest; the oldest are dropped where there is no room. */
export function saveConversation(conversation) {
  const others = conversations().filter((other) => other.id !== conversation.id);
  let all = [lighter(conversation), ...others].slice(0, MAX_CONVERSATIONS);
  while (!save("conversations", all) && all.length > 1) all = all.slice(0, -1);
}

function lighter(conversation) {
  const last = conversation.turns.length - TURNS_WITH_TOKENS;
  const turns = conversation.turns.map((turn, index) => ({
    ...turn,
    replies: index < last ? turn.replies.map((reply) => ({ ...reply, tokens: [] })) : turn.replies,
  }));
  return { ...conversation, turns };
}

/** Deletes one conversation, or all. */
export function remove(id = null) {
  save("conversations", id === null ? [] : conversations().filter((conversation) => conversation.id !== id));
}
