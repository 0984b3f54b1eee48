// A token's distribution at a temperature, and its bars.

import { el } from "../base/dom.js";
import { percent, plain } from "../base/format.js";

/** Probabilities among these logprobs at a temperature; 0 gives all to the first of the likeliest. */
export function atTemperature(logprobs, temperature) {
  const highest = Math.max(...logprobs);
  if (temperature === 0) {
    const first = logprobs.indexOf(highest);
    return logprobs.map((_, index) => (index === first ? 1 : 0));
  }
  const weights = logprobs.map((logprob) => Math.exp((logprob - highest) / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** A row per candidate: its text, a bar as learned and one at the temperature. */
export function bars(top, temperature, shown) {
  const shares = atTemperature(
    top.map(([, , logprob]) => logprob),
    temperature,
  );
  const learned = top.map(([, , logprob]) => Math.exp(logprob));
  const widest = Math.max(...shares, ...learned);
  return top.slice(0, shown).map(([id, text], index) => {
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", shares[index] / widest);
    bar.style.setProperty("--learned", learned[index] / widest);
    return { id, text, share: shares[index], learned: learned[index], bar };
  });
}

/** Shows the legend of colours, and a token's distribution while you turn the temperature. */
export function showHeat(root, thinking, token, temperature) {
  root.hidden = !thinking;
  root.replaceChildren(legend());
  if (!token || token.withheld) return;
  const rows = bars(token.top, temperature, 8).map(({ text, share, bar }) =>
    el(
      "li",
      {},
      el("span", { class: "what", text: plain(text), dir: "auto" }),
      bar,
      el("span", { class: "figure", text: percent(share) }),
    ),
  );
  const caption = `Alternatives to “${plain(token.text)}” at temperature ${temperature}; the thin line is as learned.`;
  root.append(el("div", { class: "heat-bars" }, el("p", { class: "hint", text: caption }), el("ol", {}, ...rows)));
}

function legend() {
  const steps = ["sure: over 50%", "20%", "5%", "1%", "surprised"];
  return el("p", { class: "legend hint" }, ...steps.map((text, step) => el("span", { class: `token s${step}`, text })));
}
