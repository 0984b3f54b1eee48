// The model's card: the serving checkpoint, its bits per byte and learning curve, earlier checkpoints, retraining runs.

import { Refused, get } from "../base/api.js";
import { checkpoints, runs } from "./card_past.js";
import { curveFigure } from "./curve_figure.js";
import { byId, button, el } from "../base/dom.js";
import { bits, digitsFor, duration, moment, percent, size, whole } from "../base/format.js";

const NAMES = { ppmd: "PPMd", kneser_ney: "Kneser-Ney", unigram: "Unigram", context_model: "Context model" };
const MAX_WIDTH = 700; // of a curve, in pixels
const PARTS = { reading: "reading posts", learning: "learning", judging: "judging", publishing: "publishing" };

/** The view of the card. */
export class Card {
  constructor(name) {
    this.name = name;
    this.root = byId("card").appendChild(el("div"));
  }

  async show() {
    try {
      this.#draw(await get("/api/card"));
    } catch (error) {
      const text = error instanceof Refused ? error.message : `${this.name} cannot be reached.`;
      this.root.replaceChildren(
        el("p", { class: "notice", text }),
        button("Try again", () => this.show()),
      );
    }
  }

  /** Shows the progress `{part, share, val_bpb}` of a retraining; `part` is null when none runs. */
  showProgress(retraining) {
    this.retraining = retraining?.part ? retraining : null;
    const shown = this.root.querySelector(".retraining");
    shown?.replaceWith(progress(this.retraining));
  }

  #draw(card) {
    this.retraining = card.retraining ?? null;
    const { checkpoint } = card;
    this.root.replaceChildren(
      checkpoint
        ? el("p", { class: "lead", text: lead(card.name, checkpoint) })
        : el("p", { class: "notice", text: "No checkpoint serves yet. Make one with: dann train" }),
      progress(this.retraining),
      ...(checkpoint
        ? [
            facts(checkpoint),
            ...base(checkpoint.base),
            ...scores(checkpoint, card.baselines ?? {}),
            ...training(card.curve ?? [], card.baselines ?? {}, Math.min(MAX_WIDTH, this.root.clientWidth)),
          ]
        : []),
      ...checkpoints(card.checkpoints ?? []),
      ...runs(card.runs ?? []),
      el("p", { class: "hint" }, el("a", { href: "/docs", text: "API" }), `: ${this.name} for programs`),
    );
  }
}

function lead(name, checkpoint) {
  const { architecture, hidden_dim: units, num_layers: layers, posts, seconds } = checkpoint;
  const of = `of ${whole(units)} units${layers > 1 ? ` in ${layers} layers` : ""}`;
  const built = architecture === "lstm_attention" ? `LSTM ${of} with attention` : `${architecture.toUpperCase()} ${of}`;
  return `${name} is ${/^[AEFHILMNORSX]/.test(built) ? "an" : "a"} ${built}. It read ${whole(posts)} posts and trained for ${duration(seconds)}.`;
}

function facts(checkpoint) {
  const pairs = [
    ["Checkpoint", checkpoint.id],
    ["Made", moment(checkpoint.created)],
    ["Posts", whole(checkpoint.posts)],
    ["Newest post", checkpoint.newest_post ? moment(checkpoint.newest_post) : "unknown"],
    ["Parameters", whole(checkpoint.params)],
    ["Weights", size(checkpoint.bytes)],
    ["Vocabulary", whole(checkpoint.vocab_size)],
    ["Steps", whole(checkpoint.steps)],
  ];
  if (checkpoint.listening != null) {
    pairs.push(["Finds what it answers", `${percent(checkpoint.listening)} of the time, among ten (guessing: 10 %)`]);
  }
  if (checkpoint.copies) {
    const { longest_words: longest, near_copies: near, begun, recited } = checkpoint.copies;
    pairs.push(["Copies, unguarded", `at most ${whole(longest)} words in a row; ${percent(near)} of replies nearly repeat a post`]);
    if (recited != null) pairs.push(["Recites, unguarded", `${percent(recited)} of ${whole(begun)} posts that were begun`]);
  }
  return el(
    "dl",
    { class: "facts" },
    ...pairs.map(([term, text]) => el("div", {}, el("dt", { text: term }), el("dd", { text }))),
  );
}

function base(from) {
  if (!from) return [];
  const about = `Started from the base ${from.name}${from.licence ? ` (${from.licence})` : ""}`;
  if (!from.credits.length) return [el("p", { class: "hint", text: about })];
  return [
    el(
      "details",
      { class: "hint" },
      el("summary", { text: `${about}, which learned from texts of others` }),
      el("ul", {}, ...from.credits.map((text) => el("li", { text }))),
    ),
  ];
}

function scores(checkpoint, baselines) {
  const rows = [
    ["This network", checkpoint.val_bpb, "own"],
    ...Object.entries(baselines).map(([name, value]) => [NAMES[name] ?? name, value, ""]),
  ];
  const digits = digitsFor(rows.map(([, value]) => value));
  const widest = Math.max(...rows.map(([, value]) => value));
  const bars = rows
    .sort((one, other) => one[1] - other[1])
    .map(([name, value, kind]) => {
      const bar = el("span", { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", value / widest);
      return el(
        "li",
        { class: kind },
        el("span", { class: "what", text: name }),
        bar,
        el("span", { class: "figure", text: bits(value, digits) }),
      );
    });
  return [
    el("h2", { text: "How well it knows the voice" }),
    el("p", {
      class: "hint",
      text: "Bits per byte on posts it has never seen: the yes-or-no questions it takes to guess a letter. Lower is better.",
    }),
    el("ol", { class: "beside-bars" }, ...bars),
  ];
}

function training(curve, baselines, wide) {
  const named = Object.fromEntries(Object.entries(baselines).map(([name, value]) => [NAMES[name] ?? name, value]));
  const figure = curveFigure(curve, named, wide);
  return figure ? [el("h2", { text: "How it learned" }), figure] : [];
}

function progress(retraining) {
  if (!retraining) return el("div", { class: "retraining" });
  const { part, share, val_bpb: bpb } = retraining;
  const label = `Retraining: ${PARTS[part] ?? part}`;
  const score = Number.isFinite(bpb) ? `, ${bits(bpb)} bits per byte so far` : "";
  return el(
    "div",
    { class: "retraining here" },
    el("label", { for: "far", text: `${label}${score}` }),
    el("progress", { id: "far", max: 1, value: share }),
  );
}
