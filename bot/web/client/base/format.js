// Formats numbers, times and tokens for people.

/** A probability: "34%", "0.4%", "<0.1%". */
export function percent(share) {
  const hundred = share * 100;
  if (hundred >= 10 || hundred === 0) return `${Math.round(hundred)}%`;
  if (hundred < 0.1) return "<0.1%";
  return `${hundred.toFixed(1)}%`;
}

export const whole = (number) => Math.round(number).toLocaleString("en");

/** Bits with two decimals, or as many as told. */
export const bits = (number, digits = 2) => number.toFixed(digits);

const DIGITS = [2, 3, 4, 5]; // after the point

/** As many digits, 2 or more, as tell different numbers apart: a verdict of "0.14 against 0.14" says nothing. */
export function digitsFor(numbers) {
  const all = new Set(numbers.filter(Number.isFinite));
  const isApart = (digits) => new Set([...all].map((number) => number.toFixed(digits))).size === all.size;
  return DIGITS.find(isApart) ?? DIGITS.at(-1);
}

/** "3.4 MB". */
export function size(bytes) {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(0)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** "12 min", "1 h 5 min". */
export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "3 days ago"; "" for what is no time. */
export function ago(when) {
  const past = (Date.now() - new Date(when)) / 1000;
  if (Number.isNaN(past)) return "";
  for (const [unit, length] of [
    ["year", 31557600],
    ["month", 2629800],
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    const number = Math.floor(past / length);
    if (number >= 1) return `${number} ${unit}${number > 1 ? "s" : ""} ago`;
  }
  return "just now";
}

/** Day and time in the browser's format, from Unix seconds or ISO 8601. */
export function moment(when) {
  const time = new Date(typeof when === "number" ? when * 1000 : (when ?? NaN));
  return Number.isNaN(time.valueOf()) ? "" : time.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** A token with visible signs for spaces, line breaks and control characters. */
export function visible(text) {
  return text === "" ? "end of the reply" : signed(text.replaceAll(" ", "␣"));
}

/** A token without the spaces around it; one of spaces alone is shown as `visible` does. */
export function plain(text) {
  return text.trim() === "" ? visible(text) : signed(text.trim());
}

function signed(text) {
  return text
    .replaceAll("\n", "↵")
    .replaceAll("\t", "⇥")
    .replace(/[\x00-\x1f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)));
}
