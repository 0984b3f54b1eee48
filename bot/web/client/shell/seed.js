// The field for the random seed: a typed one counts for the next answers, a locked one for all.

import { byId, el } from "../base/dom.js";
import { newSeed } from "../store/prompt.js";

/** The field, its switch "Lock", and what is wrong with what was typed. */
export class SeedField {
  constructor({ label, hint, min, max, step }) {
    Object.assign(this, { min, max, typed: false });
    this.input = el("input", {
      type: "number",
      id: "seed",
      min,
      max,
      step,
      inputmode: "numeric",
      placeholder: "random",
    });
    this.input.setAttribute("aria-describedby", "seed-wrong seed-hint");
    this.input.addEventListener("input", () => ((this.typed = true), this.#check(1)));
    this.wrong = el("p", { class: "trouble", id: "seed-wrong", role: "alert" });
    const lock = el("input", { type: "checkbox", id: "locked", role: "switch" });
    this.element = el(
      "div",
      { class: "dial" },
      el("label", { for: "seed", text: label }),
      el("div", { class: "seed" }, this.input, el("label", { class: "switch" }, lock, el("span", { text: "Lock" }))),
      this.wrong,
      el("p", { class: "hint", id: "seed-hint", text: hint }),
    );
  }

  /** The first seed of `count` answers: the typed or locked one, else a random one; null if that is invalid. */
  take(count) {
    const counts = byId("locked").checked || this.typed;
    if (!counts || (this.input.value === "" && !this.input.validity.badInput)) {
      const seed = newSeed();
      this.used(seed);
      return seed;
    }
    if (!this.#check(count)) {
      this.input.focus();
      return null;
    }
    this.typed = false;
    return this.input.valueAsNumber;
  }

  /** Shows the seed that was drawn. */
  used(seed) {
    if (byId("locked").checked) return;
    this.input.value = seed;
    this.typed = false;
    this.wrong.textContent = "";
  }

  #check(count) {
    const { valueAsNumber: seed, validity } = this.input;
    const fine =
      !validity.badInput &&
      (Number.isNaN(seed) || (Number.isInteger(seed) && seed >= this.min && seed + count - 1 <= this.max));
    const each = count > 1 ? `, and each of the ${count} answers takes the next one` : "";
    this.wrong.textContent = fine ? "" : `A seed is a whole number from ${this.min} to ${this.max}${each}.`;
    return fine;
  }
}
