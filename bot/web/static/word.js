// The name, written as the page writes what the network says: each letter on a line as thick as it is surprising.

import { el } from "./dom.js";

const PATTERN = ["s0", "s1", "s3", "s0", "s4", "s1", "s2", "s0"];

/** The letters of a name; nothing for a screen reader, as it is named where it stands. */
export function marked(name) {
  const letters = [...new Intl.Segmenter().segment(name)].map(({ segment }) => segment);
  return el(
    "span",
    { class: "marked", "aria-hidden": "true" },
    ...letters.map((letter, index) => el("span", { class: PATTERN[index % PATTERN.length], text: letter })),
  );
}
