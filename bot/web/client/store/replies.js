// Replies as messages of a tree: how they are made, and what is kept of them.

import { newId } from "./tree.js";
import { NOT_BEGUN, wholeBeginning } from "./prompt.js";

/**
 * States: "new", "drawing", "away" (the server cannot be reached), "waiting" (refused for now); then "stop", "length"
 * and "content_filter" (the guard refused too much) as the server ends it, "stopped" by you, "refused", "gone" (its
 * checkpoint is), "recorded" (from a link, not drawn).
 */
const UNFINISHED = ["new", "drawing", "away", "waiting"];
// Parameters that came later: what they are in replies and links of earlier versions.
export const LATER = { guidance: 0, candidates: 1, word_min_p: 0 };
const GIVEN = { checkpoint: null, begun: NOT_BEGUN };

export const isUnfinished = (reply) => UNFINISHED.includes(reply.state);

/**
 * A reply to be drawn below your message `parent`. With `params`, `seed`, `checkpoint` and `begun`, its first tokens,
 * the messages above it determine its text. Replies of one `batch` are shown side by side.
 */
export function newReply(parent, params, seed, given = {}) {
  const { checkpoint, begun, batch = newId() } = { ...GIVEN, ...given };
  return {
    ...{ id: newId(), parent, at: Date.now(), mine: true, batch, seed, checkpoint, begun },
    params: params && { ...LATER, ...params },
    ...{ text: begun.text, ids: [], tokens: [], state: "new", note: "" },
  };
}

/** Makes a reply ready to be drawn from a beginning, in its place. */
export function restart(reply, begun, params = reply.params) {
  Object.assign(reply, { begun, params, text: begun.text, ids: [], tokens: [], state: "new", note: "" });
  delete reply.spelled;
}

/**
 * What is kept of a message: tokens with their alternatives are kept apart, as they are a hundred times as long, but what
 * they spell is needed to continue from them.
 */
export function kept({ tokens, ...node }) {
  return tokens?.length ? { ...node, spelled: wholeBeginning({ ...node, tokens }).text } : node;
}

/** A message as it was kept; one that was being drawn when its tab closed is stopped. */
export function revived(node, tokens) {
  if (!node.mine) return node;
  const state = isUnfinished(node) ? "stopped" : node.state;
  return { ...node, state, tokens: tokens ?? [] };
}
