// Links that draw a reply again. All they need stands behind the "#", which browsers do not send to servers.

const PREFIX = "#again=";
const LIMITS = { messages: 40, characters: 20_000, ids: 4096 };
// A link has their values in this order: a new one goes to the end, and into LATER with what older links mean.
const PARAMS = ["temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens", "guidance", "candidates"];
const LATER = { guidance: 0, candidates: 1 };

export const isLink = (hash) => hash.startsWith(PREFIX);

/** The link to a reply; a stopped reply stops at the same token again. */
export function linkTo({ messages, params, seed, checkpoint, begun, state, tokens }) {
  const sent = messages.map(({ mine, text }) => [mine ? 1 : 0, text]);
  const drawn = state === "stopped" ? { ...params, max_tokens: Math.max(1, tokens.length) } : params;
  const recipe = { m: sent, p: PARAMS.map((name) => drawn[name]), s: seed, c: checkpoint };
  if (begun.ids.length) Object.assign(recipe, { b: begun.ids, t: begun.text });
  return `${location.origin}${location.pathname}${PREFIX}${encode(JSON.stringify(recipe))}`;
}

/** The recipe in a link; null where it is incomplete. */
export function recipeOf(hash) {
  try {
    const { m, p, s, c, b = [], t = "" } = JSON.parse(decode(hash.slice(PREFIX.length)));
    const messages = m.map(([mine, text]) => ({ mine: mine === 1, text }));
    const params = Object.fromEntries(PARAMS.map((name, index) => [name, p[index] ?? LATER[name]]));
    const valid =
      messages.length <= LIMITS.messages &&
      [...messages.map(({ text }) => text), t].every(
        (text) => typeof text === "string" && text.length <= LIMITS.characters,
      ) &&
      [...p, s].every(Number.isFinite) &&
      typeof c === "string" &&
      b.length <= LIMITS.ids &&
      b.every(Number.isInteger);
    return valid ? { messages, params, seed: s, checkpoint: c, begun: { ids: b, text: t } } : null;
  } catch {
    return null;
  }
}

function encode(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text) {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}
