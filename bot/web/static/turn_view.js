// The view of a turn: your message and the replies to it.

import { el } from "./dom.js";

/** All replies of the `last` turn, and the chosen one of others; `view` makes the element of a reply. */
export function turnElement(turn, last, view) {
  const shown = last ? turn.replies : turn.replies.slice(turn.chosen, turn.chosen + 1);
  const several = shown.length > 1 ? `several of-${shown.length}` : "";
  const speaker = el("span", { class: "unseen", text: "You: " });
  return el(
    "div",
    { class: "turn" },
    turn.asked ? el("p", { class: "asked", dir: "auto" }, speaker, turn.asked) : null,
    el("div", { class: `replies ${several}` }, ...shown.map((reply) => view(reply, positionOf(turn, reply, last)))),
  );
}

function positionOf(turn, reply, last) {
  const [number, of] = [turn.replies.indexOf(reply), turn.replies.length];
  return { number: number + 1, of, many: last && of > 1, chosen: number === turn.chosen, last };
}
