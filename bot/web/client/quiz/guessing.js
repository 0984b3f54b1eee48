// The probability of a score by guessing. Pure.

/** The probability of at least `right` of `total` with a fair coin. */
export function byGuessing(right, total) {
  let ways = 1; // of having k right
  let sum = 0;
  for (let k = total; k >= right; k--) {
    sum += ways * 0.5 ** total;
    ways = (ways * k) / (total - k + 1);
  }
  return Math.min(1, sum);
}

/** The probability in words. */
export function verdict(right, total) {
  const share = byGuessing(right, total);
  if (total < 5) return "Too few answers to tell you from guessing.";
  if (share <= 0.01) return "Guessing does as well less than 1 time in 100: you can tell them apart.";
  if (share <= 0.05)
    return `Guessing does as well ${Math.round(share * 100)} times in 100: you can probably tell them apart.`;
  return `Guessing does as well ${Math.round(share * 100)} times in 100: that does not show that you can tell them apart.`;
}
