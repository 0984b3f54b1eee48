// Links that draw a reply again, or show it as it was. All they need stands behind the "#", which browsers do not send.

import { messagesOf } from "../store/prompt.js";
import { LATER } from "../store/replies.js";

const PREFIX = "#again=";
const LIMITS = { messages: 40, characters: 20_000, ids: 4096 };
// A link has their values in this order: a new one goes to the end, and into LATER.
const PARAMS = [
  "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens", "guidance", "candidates", "word_min_p",
];

/** Characters of a message on Discord. */
export const LONGEST = 2000;

export const isLink = (hash) => hash.startsWith(PREFIX);

/** The link to a reply of a path: as it is recorded too, where that does not make it too long. */
export function linkTo(path) {
  const recipe = recipeFor(path);
  const whole = address({ ...recipe, r: path.at(-1).text });
  return whole.length <= LONGEST ? whole : address(recipe);
}

/**
 * The link to the reply and as many of the newest messages as fit: it shows them as they are recorded, since with
 * another beginning another text would be drawn. Null where not even the reply fits.
 */
export function shortLinkTo(path) {
  const recipe = { ...recipeFor(path), r: path.at(-1).text, n: 1 };
  for (let from = 0; from < recipe.m.length; from++) {
    const link = address({ ...recipe, m: recipe.m.slice(from) });
    if (link.length <= LONGEST) return link;
  }
  return null;
}

function recipeFor(path) {
  const { params, seed, checkpoint, begun, state, ids } = path.at(-1);
  const sent = messagesOf(path.slice(0, -1)).map(({ mine, text }) => [mine ? 1 : 0, text]);
  // A stopped reply stops at the same token again.
  const drawn = state === "stopped" && ids ? { ...params, max_tokens: Math.max(1, ids.length) } : params;
  const recipe = { m: sent, p: PARAMS.map((name) => drawn[name]), s: seed, c: checkpoint };
  if (begun.ids?.length) Object.assign(recipe, { b: begun.ids, t: begun.text });
  return recipe;
}

const address = (recipe) => `${location.origin}${location.pathname}${PREFIX}${encode(JSON.stringify(recipe))}`;

/**
 * The recipe in a link, with the text that is `recorded`, and whether it is `shortened`; null where it is incomplete.
 */
export function recipeOf(hash) {
  try {
    const { m, p, s, c, b = [], t = "", r = "", n = 0 } = JSON.parse(decode(hash.slice(PREFIX.length)));
    const messages = m.map(([mine, text]) => ({ mine: mine === 1, text }));
    const params = Object.fromEntries(PARAMS.map((name, index) => [name, p[index] ?? LATER[name]]));
    const valid =
      messages.length <= LIMITS.messages &&
      [...messages.map(({ text }) => text), t, r].every(
        (text) => typeof text === "string" && text.length <= LIMITS.characters,
      ) &&
      [...p, s].every(Number.isFinite) &&
      typeof c === "string" &&
      b.length <= LIMITS.ids &&
      b.every(Number.isInteger);
    if (!valid) return null;
    return { messages, params, seed: s, checkpoint: c, begun: { ids: b, text: t }, recorded: r, shortened: n === 1 };
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
