// "‹ 2/3 ›": which of several versions of a message or an answer is shown, and the way to the others.

import { button, el } from "../base/dom.js";

/** The elements; none for a single version. `what` names the versions, `go(node)` shows another. */
export function versions(what, nodes, shown, go) {
  if (nodes.length < 2) return [];
  const at = nodes.indexOf(shown);
  const step = (by, sign, word) => {
    const other = nodes[at + by];
    return button(sign, () => go(other), {
      "aria-label": `${what}: ${word} version`,
      disabled: !other,
      class: "quiet step",
    });
  };
  const count = el("span", {
    "aria-label": `${what} ${at + 1} of ${nodes.length}`,
    role: "img",
    text: `${at + 1}/${nodes.length}`,
  });
  return [el("span", { class: "versions" }, step(-1, "‹", "earlier"), count, step(1, "›", "later"))];
}
