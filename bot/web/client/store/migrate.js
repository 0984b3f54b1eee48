// Conversations as earlier versions kept them: one list, each a row of turns, made into trees. Links have the same
// turns.

import { NOT_BEGUN } from "./prompt.js";
import { newReply, isUnfinished } from "./replies.js";
import { ROOT, saidNode } from "./tree.js";

/** Messages for a conversation of earlier versions; `chosen` of each turn has the picks. */
export function nodesOf(turns, at = Date.now()) {
  const nodes = [];
  const picks = {};
  let parent = ROOT;
  for (const { asked, replies, chosen } of turns) {
    const said = { ...saidNode(parent, asked ?? ""), at: at + nodes.length };
    nodes.push(said);
    const answers = (replies ?? []).map((reply) => answer(reply, said));
    for (const one of answers) nodes.push({ ...one, batch: said.id, at: at + nodes.length });
    const taken = answers[chosen] ?? answers[0];
    if (!taken) break;
    if (answers.length > 1) picks[said.id] = taken.id;
    parent = taken.id;
  }
  return { nodes, picks };
}

function answer(old, said) {
  const { text = "", params = null, seed = null, checkpoint = null, note = "", tokens = [] } = old;
  const begun = old.begun ?? NOT_BEGUN;
  const ids = tokens.length ? tokens.filter((one) => one.text !== "").map((one) => one.id) : null;
  const state = isUnfinished(old) ? "stopped" : (old.state ?? "stop");
  return { ...newReply(said.id, params, seed, { checkpoint, begun }), text, note, tokens, ids, state };
}

/** Messages `{mine, text}` as turns of earlier versions; the last turn has no reply yet. */
export function turnsOf(messages) {
  const turns = [];
  for (const { mine, text } of messages) {
    if (!mine || !turns.length || turns.at(-1).replies.length) {
      turns.push({ asked: mine ? "" : text, replies: [], chosen: 0 });
    }
    if (mine) turns.at(-1).replies.push({ text, state: "stop" });
  }
  if (!turns.length || turns.at(-1).replies.length) turns.push({ asked: "", replies: [], chosen: 0 });
  return turns;
}
