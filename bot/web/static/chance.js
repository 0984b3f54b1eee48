// How likely it is to do as well by guessing. Pure.

/** The probability of at least `right` of `asked` with a fair coin. */
export function byGuessing(right, asked) {
  let ways = 1; // to have k right
  let sum = 0;
  for (let k = asked; k >= right; k--) {
    sum += ways * 0.5 ** asked;
    ways = (ways * k) / (asked - k + 1);
  }
  return Math.min(1, sum);
}

/** The same in words. */
export function verdict(right, asked) {
  const share = byGuessing(right, asked);
  if (asked < 5) return "Too few yet to tell it from guessing.";
  if (share <= 0.01) return "Guessing does as well less than 1 time in 100: you can tell them apart.";
  if (share <= 0.05)
    return `Guessing does as well ${Math.round(share * 100)} times in 100: you seem to tell them apart.`;
  return `Guessing does as well ${Math.round(share * 100)} times in 100: nobody could say that you can tell them apart.`;
}
