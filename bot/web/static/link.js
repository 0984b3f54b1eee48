// A link that gives a reply again: all that its text follows from, behind the "#", which no browser sends to a server.

const SIGN = "#again=";
const LIMITS = { messages: 40, characters: 20_000, ids: 4096 };
const PARAMS = ["temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens"];

export const isLink = (hash) => hash.startsWith(SIGN);

/** The link to a reply; one that was stopped ends there again. */
export function linkTo({ messages, params, seed, checkpoint, begun, state, tokens }) {
  const said = messages.map(({ mine, text }) => [mine ? 1 : 0, text]);
  const drawn = state === "stopped" ? { ...params, max_tokens: Math.max(1, tokens.length) } : params;
  const recipe = { m: said, p: PARAMS.map((name) => drawn[name]), s: seed, c: checkpoint };
  if (begun.ids.length) Object.assign(recipe, { b: begun.ids, t: begun.text });
  return `${location.origin}${location.pathname}${SIGN}${encode(JSON.stringify(recipe))}`;
}

/** What a link gives again; null where it is not whole. */
export function recipeOf(hash) {
  try {
    const { m, p, s, c, b = [], t = "" } = JSON.parse(decode(hash.slice(SIGN.length)));
    const messages = m.map(([mine, text]) => ({ mine: mine === 1, text }));
    const params = Object.fromEntries(PARAMS.map((name, index) => [name, p[index]]));
    const sound =
      messages.length <= LIMITS.messages &&
      [...messages.map(({ text }) => text), t].every(
        (text) => typeof text === "string" && text.length <= LIMITS.characters,
      ) &&
      [...p, s].every(Number.isFinite) &&
      typeof c === "string" &&
      b.length <= LIMITS.ids &&
      b.every(Number.isInteger);
    return sound ? { messages, params, seed: s, checkpoint: c, begun: { ids: b, text: t } } : null;
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
