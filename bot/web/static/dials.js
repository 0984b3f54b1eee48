// The settings of a reply: sliders, the number of answers, and the seed.

import { byId, button, el } from "./dom.js";
import { keep, kept } from "./store.js";
import { newSeed } from "./talk.js";

const MORE = [
  ["top_p", "Top-p", "draw among the likeliest that hold so much probability together; 1: all", 0.05, 1, 0.01],
  ["top_k", "Top-k", "draw among so many of the likeliest; 0: all", 0, 100, 1],
  ["min_p", "Min-p", "draw among those at least so likely, the likeliest being 1; 0: all", 0, 0.3, 0.001],
  ["repetition_penalty", "Repetition penalty", "above 1, what was said is said less again", 1, 2, 0.01],
  ["max_tokens", "Length", "at most so many tokens", 5, 400, 5],
];
const USUAL = { temperature: 1, top_k: 0, top_p: 1, min_p: 0.003, repetition_penalty: 1, max_tokens: 160 };

/** The dials of the page; `changed` is called when somebody turns one. */
export class Dials {
  constructor(changed) {
    this.usual = USUAL;
    this.changed = changed;
    this.set = kept("dials", {});
    byId("dials-more").append(...MORE.map((given) => this.#dial(...given)), this.#seed(), this.#usualAgain());
    byId("temperature").addEventListener("input", (event) => this.#turn("temperature", event.target.valueAsNumber));
    byId("more").addEventListener("click", () => this.#open(byId("dials-more").hidden));
    this.#show();
  }

  /** What a server sends as its usual settings. */
  takeUsual(usual) {
    this.usual = { ...USUAL, ...usual };
    this.#show();
  }

  get params() {
    return { ...this.usual, ...this.set };
  }

  get count() {
    return Number(document.querySelector("input[name=count]:checked").value);
  }

  /** The seed of the first of the next answers. */
  nextSeed() {
    const field = byId("seed");
    if (byId("locked").checked && field.value !== "") return Math.floor(Math.abs(field.valueAsNumber)) % 2 ** 31;
    return this.otherSeed();
  }

  /** One that has not been before, locked or not: to be asked again is to be given something else. */
  otherSeed() {
    const seed = newSeed();
    byId("seed").value = seed;
    return seed;
  }

  #dial(name, label, hint, min, max, step) {
    const input = el("input", { type: "range", id: name, min, max, step, "aria-describedby": `${name}-hint` });
    input.addEventListener("input", () => this.#turn(name, input.valueAsNumber));
    return el(
      "div",
      { class: "dial" },
      el("label", { for: name }, label, " ", el("output", { id: `${name}-is`, for: name })),
      input,
      el("p", { class: "hint", id: `${name}-hint`, text: hint }),
    );
  }

  #seed() {
    const hint = "random seed: with all else the same, the same seed gives the same text";
    return el(
      "div",
      { class: "dial" },
      el("label", { for: "seed", text: "Seed" }),
      el(
        "div",
        { class: "seed" },
        el("input", {
          type: "number",
          id: "seed",
          min: 0,
          max: 2 ** 31 - 1,
          step: 1,
          inputmode: "numeric",
          "aria-describedby": "seed-hint",
        }),
        el(
          "label",
          { class: "switch" },
          el("input", { type: "checkbox", id: "locked", role: "switch" }),
          el("span", { text: "Lock" }),
        ),
      ),
      el("p", { class: "hint", id: "seed-hint", text: hint }),
    );
  }

  #usualAgain() {
    const reset = () => {
      this.set = {};
      keep("dials", this.set);
      this.#show();
      this.changed();
    };
    return button("As usual again", reset, { id: "usual" });
  }

  #turn(name, value) {
    this.set = { ...this.set, [name]: value };
    keep("dials", this.set);
    this.#show();
    this.changed();
  }

  #open(open) {
    byId("dials-more").hidden = !open;
    byId("more").setAttribute("aria-expanded", String(open));
    byId("more").textContent = open ? "Less" : "More";
  }

  #show() {
    for (const [name, value] of Object.entries(this.params)) {
      const input = byId(name);
      if (!input) continue;
      input.value = value;
      input.style.setProperty("--at", (value - input.min) / (input.max - input.min));
      byId(`${name}-is`).textContent = value;
    }
  }
}
