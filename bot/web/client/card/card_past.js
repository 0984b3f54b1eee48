// The card's tables: all checkpoints, and retraining runs.

import { el } from "../base/dom.js";
import { bits, digitsFor, duration, moment, whole } from "../base/format.js";

/** The table of checkpoints, newest first; empty where there is none. */
export function checkpoints(all) {
  if (!all.length) return [];
  const digits = digitsFor(all.map((one) => one.val_bpb));
  const rows = all.map((one) =>
    el(
      "tr",
      { class: one.current ? "own" : null },
      el("th", { scope: "row" }, one.id, one.current ? el("span", { class: "tag", text: "serves" }) : null),
      el("td", { text: moment(one.created) }),
      number(one.posts, whole),
      number(one.val_bpb, (value) => bits(value, digits)),
    ),
  );
  return [
    el("h2", { text: "Checkpoints" }),
    table("Checkpoints, newest first", ["Checkpoint", "Made", "Posts", "Bits per byte"], rows),
  ];
}

/** A figure in a table; null is unknown. */
function number(value, format) {
  return el("td", { class: "number", text: value === null ? "unknown" : format(value) });
}

function table(label, heads, rows) {
  return el(
    "div",
    { class: "wide", tabindex: 0, role: "region", "aria-label": label },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, ...rows),
    ),
  );
}

/** The list of retraining runs with verdicts and reasons; empty where there is none. */
export function runs(all) {
  if (!all.length) return [];
  const items = all.map((run) =>
    el(
      "li",
      { class: run.verdict },
      el(
        "p",
        {},
        el("b", { text: run.verdict === "running" ? "running" : run.verdict }),
        el("span", { class: "hint", text: ` ${moment(run.started)}` }),
      ),
      run.reason ? el("p", { text: run.reason }) : null,
      el("p", { class: "hint", text: figures(run) }),
    ),
  );
  return [el("h2", { text: "Retraining" }), el("ol", { class: "runs" }, ...items)];
}

function figures({ candidate_bpb: candidate, incumbent_bpb: incumbent, new_posts: posts, seconds }) {
  const digits = digitsFor([candidate, incumbent]);
  return [
    posts === null || posts === undefined ? "" : `${whole(posts)} new posts`,
    Number.isFinite(candidate) ? `candidate ${bits(candidate, digits)}` : "",
    Number.isFinite(incumbent) ? `incumbent ${bits(incumbent, digits)} bits per byte` : "",
    seconds ? `took ${duration(seconds)}` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}
