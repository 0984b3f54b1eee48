// The turns that a conversation's tree shows: your message, the answers to it, and how many others there are. Pure.

/**
 * Turns of the shown path: `{said, saids, replies, shown, chosen, variants, last}`. `saids` are all versions of your
 * message, `replies` all answers to it. `shown` are the last batch's answers side by side in the last turn, else the
 * chosen one; `variants` has one reply for each "‹ 1/3 ›".
 */
export function turnsOf(tree) {
  const path = tree.path();
  const turns = [];
  for (let at = 0; at < path.length; at += 2) {
    const said = path[at];
    const chosen = path[at + 1] ?? null;
    const last = at + 2 >= path.length;
    const replies = tree.children(said.id);
    const beside = chosen && last ? replies.filter(({ batch }) => batch === chosen.batch) : [];
    const shown = beside.length > 1 ? beside : chosen ? [chosen] : [];
    const variants = last ? oneOfEachBatch(replies, chosen) : replies;
    turns.push({ said, saids: tree.siblings(said), replies, shown, chosen, variants, last });
  }
  return turns;
}

function oneOfEachBatch(replies, chosen) {
  const batches = new Map();
  for (const reply of replies) {
    const first = batches.get(reply.batch);
    if (!first || reply === chosen || (!first.text && reply.text && first !== chosen)) batches.set(reply.batch, reply);
  }
  return [...batches.values()];
}

/** The answer to go on with once `reply` has ended: one of its batch that came where the chosen one was refused; or null. */
export function insteadOfRefused(tree, reply) {
  const chosen = tree.shown(reply.parent);
  const isRefused = chosen?.batch === reply.batch && chosen.state === "refused" && !chosen.text;
  return (isRefused && tree.siblings(reply).find(({ batch, text }) => batch === reply.batch && text)) || null;
}
