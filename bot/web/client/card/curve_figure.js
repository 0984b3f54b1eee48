// The learning curve as a figure: its key, and the values of the point that you point at or choose by keyboard.

import { el } from "../base/dom.js";
import { bits, duration, whole } from "../base/format.js";
import { learningCurve } from "./curve.js";

/** The figure of rows `[seconds, step, train, val]`; null for too few of them. */
export function curveFigure(rows, baselines, wide) {
  const curve = learningCurve(rows, baselines, wide);
  if (!curve) return null;
  const values = el("output", { class: "hint", for: "point" });
  const slider = el("input", {
    type: "range",
    id: "point",
    min: 0,
    max: rows.length - 1,
    step: 1,
    value: rows.length - 1,
  });
  slider.setAttribute("aria-label", "Point of the curve");
  const show = (index) => {
    const text = described(rows[index]);
    values.textContent = text;
    slider.value = index;
    slider.setAttribute("aria-valuetext", text);
    slider.style.setProperty("--at", index / (rows.length - 1));
    curve.mark(rows[index]);
  };
  slider.addEventListener("input", () => show(slider.valueAsNumber));
  slider.addEventListener("focus", () => show(slider.valueAsNumber));
  curve.drawing.addEventListener("pointermove", ({ clientX }) => {
    const { left, width } = curve.drawing.getBoundingClientRect();
    show(nearest(rows, curve.seconds((clientX - left) / width)));
  });
  values.textContent = described(rows.at(-1));
  const key = el(
    "figcaption",
    {},
    el("span", { class: "key val", text: "held-out posts" }),
    curve.hasTrain ? el("span", { class: "key train", text: "training posts" }) : null,
    " bits per byte over time",
  );
  return el("figure", { class: "curve-of" }, curve.drawing, slider, el("p", { class: "readout" }, values), key);
}

function nearest(rows, seconds) {
  const away = rows.map(([at]) => Math.abs(at - seconds));
  return away.indexOf(Math.min(...away));
}

function described([seconds, step, train, val]) {
  const figures = [
    Number.isFinite(val) ? `held-out ${bits(val, 3)}` : "",
    Number.isFinite(train) ? `training ${bits(train, 3)}` : "",
  ];
  return [`After ${duration(seconds)}, step ${whole(step)}`, ...figures].filter(Boolean).join(" · ");
}
