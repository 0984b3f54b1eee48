// The name as a wordmark: letters underlined as the tokens of a reply are.

import { el } from "./dom.js";

const PATTERN = ["s0", "s1", "s3", "s0", "s4", "s1", "s2", "s0"];

/** The wordmark; hidden from screen readers, which read the name beside it. */
export function wordmark(name) {
  const letters = [...new Intl.Segmenter().segment(name)].map(({ segment }) => segment);
  return el(
    "span",
    { class: "marked", "aria-hidden": "true" },
    ...letters.map((letter, index) => el("span", { class: PATTERN[index % PATTERN.length], text: letter })),
  );
}
