// "Real or dann?": two texts, one of them a person's. The score stays in this browser.

import { Refused, get, post } from "./api.js";
import { verdict } from "./chance.js";
import { button, byId, el } from "./dom.js";
import { keep, kept } from "./store.js";

const SHOWN = 30; // answers of the score that are drawn

const OFF = "The quiz shows real posts, so it is off unless config.toml allows it.";

export class Quiz {
  /** `on` tells, some time, whether the server allows it. */
  constructor(name, on) {
    Object.assign(this, { name, on });
    this.place = byId("quiz");
  }

  /** Asks for two texts, unless two are shown that wait for an answer. */
  async show() {
    if (this.waiting) return;
    try {
      if (await this.on) this.#ask(await get("/api/quiz"));
      else this.#say(OFF);
    } catch (error) {
      this.#say(error instanceof Refused ? error.message : `${this.name} cannot be reached.`);
    }
  }

  #ask(asked) {
    this.waiting = true;
    const texts = asked.texts.map((text, index) =>
      el(
        "button",
        { type: "button", class: "choice", onclick: () => this.#choose(asked, index) },
        el("span", { class: "text", text, dir: "auto" }),
        el("span", { class: "came" }),
      ),
    );
    this.place.replaceChildren(
      el("h1", { text: `Real or ${this.name}?` }),
      el("p", {
        class: "lead",
        text: `A person wrote one of these. ${this.name} made up the other. Which is the person's?`,
      }),
      asked.asked
        ? el("p", { class: "asked", dir: "auto" }, el("span", { class: "unseen", text: "Both answer: " }), asked.asked)
        : el("p", { class: "hint", text: "Both answer the same message, which is not shown." }),
      el("div", { class: "choices" }, ...texts),
      el("p", { class: "result", role: "status" }),
      el("div", { class: "next" }),
      this.#score(),
    );
  }

  async #choose(asked, choice) {
    const buttons = [...this.place.querySelectorAll(".choice")];
    for (const one of buttons) one.disabled = true;
    try {
      const { real } = await post("/api/quiz", { id: asked.id, choice });
      this.#reveal(buttons, real, choice);
    } catch (error) {
      this.place.querySelector(".result").textContent =
        error instanceof Refused ? error.message : `${this.name} cannot be reached.`;
    }
    this.waiting = false;
    const next = button("Next two", () => this.show(), { class: "main" });
    this.place.querySelector(".next").replaceChildren(next);
    next.focus();
  }

  #reveal(buttons, real, choice) {
    buttons.forEach((one, index) => {
      one.classList.add(index === real ? "person" : "network");
      one.querySelector(".came").textContent = index === real ? "the person" : this.name;
    });
    keep("score", [...kept("score", []), choice === real ? 1 : 0]);
    this.place.querySelector(".result").textContent =
      choice === real ? "Right: that is the person." : `No: that was ${this.name}.`;
    this.place.querySelector(".score").replaceWith(this.#score());
  }

  #score() {
    const score = kept("score", []);
    const right = score.filter((one) => one === 1).length;
    if (!score.length) return el("div", { class: "score" });
    const marks = score.slice(-SHOWN).map((one) => el("li", { class: one ? "hit" : "miss", "aria-hidden": "true" }));
    const clear = () => {
      keep("score", []);
      this.place.querySelector(".score").replaceWith(this.#score());
    };
    return el(
      "div",
      { class: "score" },
      el("p", { class: "figure-line" }, el("b", { text: `${right} of ${score.length}` }), " right"),
      el("ol", { class: "marks", "aria-hidden": "true" }, ...marks),
      el("p", { class: "hint", text: verdict(right, score.length) }),
      button("Begin again", clear),
    );
  }

  #say(text) {
    const again = text === OFF ? [] : [button("Try again", () => this.show())];
    this.place.replaceChildren(
      el("h1", { text: `Real or ${this.name}?` }),
      el("p", { class: "notice", text }),
      ...again,
    );
  }
}
