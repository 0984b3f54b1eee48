// The entropy of each token of a reply, as a line.

import { el, svg } from "./dom.js";
import { bits, plain } from "./format.js";

const WIDE = 600;
const HIGH = 44;
const MIN_TOKENS = 4;

/** The line, or null for too few tokens. */
export function entropyLine(tokens) {
  const values = tokens.map((token) => token.entropy);
  if (values.length < MIN_TOKENS) return null;
  const highest = Math.max(...values);
  const peak = tokens[values.indexOf(highest)];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const label = `${bits(mean)} bits per token, highest at “${plain(peak.text)}” with ${bits(highest)}`;
  return el(
    "figure",
    { class: "entropy" },
    drawing(values, Math.max(highest, 1), label),
    el("figcaption", { text: `Entropy ${label}` }),
  );
}

function drawing(values, highest, label) {
  const x = (index) => (index / (values.length - 1)) * WIDE;
  const y = (value) => HIGH - 2 - (value / highest) * (HIGH - 6);
  const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": `Entropy: ${label}` },
    svg("polygon", { class: "area", points: `0,${HIGH} ${points} ${WIDE},${HIGH}` }),
    svg("polyline", { class: "line", points, "vector-effect": "non-scaling-stroke" }),
  );
}
