// The settings of a reply: sliders, the number of answers, the random seed, and how the next answer begins.

import { byId, button, el } from "../base/dom.js";
import { load, save } from "../store/storage.js";
import { NOT_BEGUN, newSeed } from "../store/prompt.js";
import { SeedField } from "./seed.js";

/** The dials of the page; `changed` is called when you turn one. The server writes their ranges into the page. */
export class Dials {
  constructor(changed) {
    const { temperature, seed, ...more } = JSON.parse(byId("dock").dataset.dials);
    this.usual = Object.fromEntries(
      Object.entries({ temperature, ...more }).map(([name, dial]) => [name, dial.default]),
    );
    this.changed = changed;
    this.set = load("dials", {});
    this.seed = new SeedField(seed);
    this.begun = begunField();
    const sliders = Object.entries(more).map(([name, dial]) => this.#dial(name, dial));
    byId("dials-more").append(...sliders, this.seed.element, this.begun.element, this.#reset());
    Object.assign(byId("temperature"), { min: temperature.min, max: temperature.max, step: temperature.step });
    byId("temperature").addEventListener("input", (event) => this.#turn("temperature", event.target.valueAsNumber));
    for (const count of document.querySelectorAll("input[name=count]"))
      count.addEventListener("change", () => this.#show());
    byId("more").addEventListener("click", () => this.#open(byId("dials-more").hidden));
    byId("fold").addEventListener("click", () => this.fold(byId("dock").hasAttribute("data-unfolded")));
    this.#showBarsWhileTurning();
    this.#show();
  }

  get params() {
    return { ...this.usual, ...this.set };
  }

  get count() {
    return Number(document.querySelector("input[name=count]:checked").value);
  }

  /** The first seed of the next answers; null, and the settings opened at the error, if the typed one is invalid. */
  nextSeed() {
    const seed = this.seed.take(this.count);
    if (seed === null) this.#open(true);
    return seed;
  }

  /** A new random seed, also where one is locked: "Again" means another answer. */
  otherSeed() {
    const seed = newSeed();
    this.seed.used(seed);
    return seed;
  }

  /** How the next answer begins; the field is empty after that. */
  takeBegun() {
    const text = this.begun.input.value;
    this.begun.input.value = "";
    return text.trim() ? { ids: null, text: text.trimStart() } : NOT_BEGUN;
  }

  /** Folds the dials of a narrow or short screen away. */
  fold(folded) {
    byId("dock").toggleAttribute("data-unfolded", !folded);
    byId("fold").setAttribute("aria-expanded", String(!folded));
  }

  #dial(name, { label, hint, min, max, step }) {
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

  #reset() {
    const reset = () => {
      this.set = {};
      save("dials", this.set);
      this.#show();
      this.changed();
    };
    return button("Reset", reset, { id: "usual", title: "the server's own settings" });
  }

  #turn(name, value) {
    this.set = { ...this.set, [name]: value };
    save("dials", this.set);
    this.#show();
    this.changed();
  }

  #open(open) {
    if (open) this.fold(false);
    byId("dials-more").hidden = !open;
    byId("more").setAttribute("aria-expanded", String(open));
    byId("more").textContent = open ? "Less" : "More";
  }

  /** The distribution is shown while you turn the temperature, by touch until you touch something else. */
  #showBarsWhileTurning() {
    const turning = (is) => byId("dock").toggleAttribute("data-turning", is);
    for (const event of ["pointerdown", "input", "focus"])
      byId("temperature").addEventListener(event, () => turning(true));
    byId("temperature").addEventListener("blur", () => turning(false));
    document.addEventListener("pointerdown", (event) => event.target.closest?.(".heat") || turning(false));
  }

  #show() {
    for (const [name, value] of Object.entries(this.params)) {
      const input = byId(name);
      if (!input) continue;
      input.value = value;
      input.style.setProperty("--at", (value - input.min) / (input.max - input.min));
      byId(`${name}-is`).textContent = value;
    }
    byId("fold").querySelector("b").textContent = this.params.temperature;
    byId("alike").hidden = this.params.temperature > 0 || this.count === 1;
  }
}

function begunField() {
  const input = el("input", {
    type: "text",
    id: "begun",
    "aria-describedby": "begun-hint",
    autocomplete: "off",
    maxlength: 500,
  });
  const hint = el("p", { class: "hint", id: "begun-hint", text: "The next answer goes on from these words." });
  return {
    input,
    element: el("div", { class: "dial" }, el("label", { for: "begun", text: "Answer begins" }), input, hint),
  };
}
