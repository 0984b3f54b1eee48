// What this browser keeps: conversations, settings, the theme and the quiz's score. Nothing of it is sent anywhere.

const CONVERSATIONS = 50;
const THOUGHTFUL = 6; // of so many last turns, what the network thought is kept too
const CUT = ["new", "drawing", "away"]; // states of a reply whose page was closed meanwhile

/** What was kept under a name, or `otherwise`, also where the browser keeps nothing. */
export function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`dann.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keeps it, and says whether there was room. */
export function keep(name, value) {
  try {
    localStorage.setItem(`dann.${name}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** The conversations that are kept, the newest first. */
export function conversations() {
  const all = kept("conversations", []);
  for (const reply of all.flatMap(({ turns }) => turns.flatMap(({ replies }) => replies))) {
    if (CUT.includes(reply.state)) reply.state = "stopped";
  }
  return all;
}

/** Keeps a conversation as the newest; the oldest go where there is no room. */
export function keepConversation(conversation) {
  const others = conversations().filter((other) => other.id !== conversation.id);
  let all = [lighter(conversation), ...others].slice(0, CONVERSATIONS);
  while (!keep("conversations", all) && all.length > 1) all = all.slice(0, -1);
}

function lighter(conversation) {
  const last = conversation.turns.length - THOUGHTFUL;
  const turns = conversation.turns.map((turn, index) => ({
    ...turn,
    replies: index < last ? turn.replies.map((reply) => ({ ...reply, tokens: [] })) : turn.replies,
  }));
  return { ...conversation, turns };
}

/** Forgets one conversation, or all. */
export function forget(id = null) {
  keep("conversations", id === null ? [] : conversations().filter((conversation) => conversation.id !== id));
}
