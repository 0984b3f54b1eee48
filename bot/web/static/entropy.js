// A line over a reply: how undecided the network was at each token.

import { el, svg } from "./dom.js";
import { bits, plain } from "./words.js";

const WIDE = 600;
const HIGH = 44;
const LEAST = 4; // tokens

/** The line, or null where there is too little to draw one. */
export function entropyLine(tokens) {
  const values = tokens.map((token) => token.entropy);
  if (values.length < LEAST) return null;
  const highest = Math.max(...values);
  const most = tokens[values.indexOf(highest)];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const said = `${bits(mean)} bits per token, most at “${plain(most.text)}” with ${bits(highest)}`;
  return el(
    "figure",
    { class: "entropy" },
    drawing(values, Math.max(highest, 1), said),
    el("figcaption", { text: `Undecided by ${said}` }),
  );
}

function drawing(values, highest, said) {
  const x = (index) => (index / (values.length - 1)) * WIDE;
  const y = (value) => HIGH - 2 - (value / highest) * (HIGH - 6);
  const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": `Entropy: ${said}` },
    svg("polygon", { class: "area", points: `0,${HIGH} ${points} ${WIDE},${HIGH}` }),
    svg("polyline", { class: "line", points, "vector-effect": "non-scaling-stroke" }),
  );
}
