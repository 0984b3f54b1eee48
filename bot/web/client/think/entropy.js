// How uncertain the network was: the entropy under each word on one scale, and the average surprise of an answer.

import { bits } from "../base/format.js";

const FULL = 6; // bits that fill the height of a bar, or more: a choice among 64 tokens that are equally likely
const LN2 = Math.log(2);

/** The height of a token's bar, from 0 to 1, for its entropy in bits. */
export const height = (entropy) => Math.min(1, Math.max(0, entropy / FULL)).toFixed(3);

/**
 * "Average surprise 1.1 bits" in words; "" for no tokens. Surprise is the bits that a token's probability cost.
 */
export function averageSurprise(tokens) {
  const known = tokens.filter((token) => !token.withheld);
  if (!known.length) return "";
  const sum = known.reduce((total, { logprob }) => total - logprob / LN2, 0);
  return `Average surprise ${bits(sum / known.length, 1)} bits. Bars: how open the choice was, full at ${FULL} bits or more.`;
}
