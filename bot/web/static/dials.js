// The settings of a reply: sliders, the number of answers, and the random seed.

import { byId, button, el } from "./dom.js";
import { load, save } from "./store.js";
import { newSeed } from "./conversation.js";

/** The dials of the page; `changed` is called when you turn one. The server writes their ranges into the page. */
export class Dials {
  constructor(changed) {
    const { temperature, seed, ...more } = JSON.parse(byId("dock").dataset.dials);
    this.usual = defaults({ temperature, ...more });
    this.changed = changed;
    this.set = load("dials", {});
    const sliders = Object.entries(more).map(([name, dial]) => this.#dial(name, dial));
    byId("dials-more").append(...sliders, this.#seed(seed), this.#reset());
    Object.assign(byId("temperature"), { min: temperature.min, max: temperature.max, step: temperature.step });
    byId("temperature").addEventListener("input", (event) => this.#turn("temperature", event.target.valueAsNumber));
    byId("more").addEventListener("click", () => this.#open(byId("dials-more").hidden));
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

  /** A new random seed, locked or not: "Again" means another answer. */
  otherSeed() {
    const seed = newSeed();
    byId("seed").value = seed;
    return seed;
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

  #seed({ label, hint, min, max, step }) {
    const range = { min, max, step, inputmode: "numeric", "aria-describedby": "seed-hint" };
    return el(
      "div",
      { class: "dial" },
      el("label", { for: "seed", text: label }),
      el(
        "div",
        { class: "seed" },
        el("input", { type: "number", id: "seed", ...range }),
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

function defaults(dials) {
  return Object.fromEntries(Object.entries(dials).map(([name, dial]) => [name, dial.default]));
}
