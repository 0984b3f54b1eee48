// The learning curve, as SVG.

import { svg } from "../base/dom.js";
import { bits, digitsFor, duration } from "../base/format.js";

const HIGH = 260;
const LEFT = 46;
const RIGHT = 16;
const TOP = 12;
const BOTTOM = 34;
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]; // between two lines of the grid
const WIDEN = 4; // times the range of held-out posts that others may make it
const LEAST = 0.02; // of the highest value, that is shown above and below

/**
 * Draws rows `[seconds, step, train, val]`, `wide` pixels across; null for fewer than two values. Returns the drawing;
 * `mark(row)`, which marks the time of a row; `seconds(across)`, the time at a part of its width; and `hasTrain`,
 * whether the line of training posts is in it.
 */
export function learningCurve(rows, baselines, wide) {
  const lines = { train: points(rows, 2), val: points(rows, 3) };
  const all = [...lines.train, ...lines.val].map(([, value]) => value);
  if (all.length < 2) return null;
  const last = Math.max(...rows.map(([seconds]) => seconds)) || 1;
  const [low, high] = bounds(lines, baselines);
  const shown = ([, value]) => low <= value && value <= high;
  const x = (seconds) => LEFT + (seconds / last) * (wide - LEFT - RIGHT);
  const y = (value) => TOP + ((high - value) / (high - low)) * (HIGH - TOP - BOTTOM);
  const path = (kind) =>
    lines[kind]
      .filter(shown)
      .map(([s, v]) => `${x(s).toFixed(1)},${y(v).toFixed(1)}`)
      .join(" ");
  const end = lines.val.at(-1) ?? lines.train.at(-1);
  const label = `Learning curve over ${duration(last)}: ends at ${bits(end[1])} bits per byte on held-out posts`;
  const marker = svg("line", { class: "marker", y1: TOP, y2: HIGH - BOTTOM, visibility: "hidden" });
  const drawing = svg(
    "svg",
    { class: "curve", viewBox: `0 0 ${wide} ${HIGH}`, role: "img", "aria-label": label },
    ...gridLines(low, high, y, wide),
    ...timeLabels(last, x),
    ...baselineLines(baselines, low, high, y, wide),
    ...["train", "val"].map((kind) => svg("polyline", { class: `line ${kind}`, points: path(kind) })),
    ...lines.val.filter(shown).map(([s, v]) => svg("circle", { class: "val", cx: x(s), cy: y(v), r: 3.5 })),
    marker,
  );
  const mark = ([seconds]) => {
    marker.setAttribute("x1", x(seconds));
    marker.setAttribute("x2", x(seconds));
    marker.setAttribute("visibility", "visible");
  };
  const seconds = (across) => ((across * wide - LEFT) / (wide - LEFT - RIGHT)) * last;
  return { drawing, mark, seconds, hasTrain: lines.train.filter(shown).length > 1 };
}

function points(rows, column) {
  return rows.filter((row) => Number.isFinite(row[column])).map((row) => [row[0], row[column]]);
}

/**
 * The range of values after the first of at least three: that one, of a network that knows nothing, would flatten the
 * rest.
 * Training posts and baselines are in it where they stand near enough to leave the held-out ones their shape.
 */
function bounds({ train, val }, baselines) {
  const shown = val.length > 1 ? val : train;
  const values = shown.slice(shown.length > 2 ? 1 : 0).map(([, value]) => value);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const most = Math.max(WIDEN * (high - low), LEAST * high);
  for (const value of [...train.slice(-1).map(([, last]) => last), ...Object.values(baselines)]) {
    if (Math.max(high, value) - Math.min(low, value) > most) continue;
    [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  const room = Math.max(LEAST * high, (high - low) * 0.12);
  return [low - room, high + room];
}

function gridLines(low, high, y, wide) {
  const step = STEPS.find((size) => (high - low) / size <= 5) ?? 10;
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) values.push(value);
  const digits = digitsFor(values);
  return values.map((value) =>
    svg(
      "g",
      { class: "level" },
      svg("line", { x1: LEFT, x2: wide - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end", text: bits(value, digits) }),
    ),
  );
}

function timeLabels(last, x) {
  return [0, 0.5, 1].map((part) =>
    svg("text", {
      class: "time",
      x: x(part * last),
      y: HIGH - 10,
      "text-anchor": ["start", "middle", "end"][part * 2],
      text: part ? duration(part * last) : "0",
    }),
  );
}

function baselineLines(baselines, low, high, y, wide) {
  return Object.entries(baselines)
    .filter(([, value]) => value > low && value < high)
    .map(([name, value]) =>
      svg(
        "g",
        { class: "beside" },
        svg("line", { x1: LEFT, x2: wide - RIGHT, y1: y(value), y2: y(value) }),
        svg("text", { x: wide - RIGHT, y: y(value) - 5, "text-anchor": "end", text: name }),
      ),
    );
}
