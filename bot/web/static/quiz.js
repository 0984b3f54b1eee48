// The quiz "Real or dann?": two texts, one of them real. The score stays in this browser.

import { Refused, get, post } from "./api.js";
import { verdict } from "./guessing.js";
import { button, byId, el } from "./dom.js";
import { load, save } from "./store.js";

const MAX_MARKS = 30; // answers of the score that are drawn

const OFF = "The quiz shows real posts, so it is off unless config.toml turns it on.";

/** The view of the quiz. */
export class Quiz {
  /** `on` is a promise: whether the server allows the quiz. */
  constructor(name, on) {
    Object.assign(this, { name, on });
    this.root = byId("quiz");
  }

  /** Shows two new texts, unless two are waiting for your answer. */
  async show() {
    if (this.waiting) return;
    try {
      if (await this.on) this.#showQuestion(await get("/api/quiz"));
      else this.#notice(OFF);
    } catch (error) {
      this.#notice(error instanceof Refused ? error.message : `${this.name} cannot be reached.`);
    }
  }

  #showQuestion(question) {
    this.waiting = true;
    const texts = question.texts.map((text, index) =>
      el(
        "button",
        { type: "button", class: "choice", onclick: () => this.#choose(question, index) },
        el("span", { class: "text", text, dir: "auto" }),
        el("span", { class: "came" }),
      ),
    );
    this.root.replaceChildren(
      el("h1", { text: `Real or ${this.name}?` }),
      el("p", {
        class: "lead",
        text: `A person wrote one of these, ${this.name} the other. Which one is the person's?`,
      }),
      question.asked
        ? el(
            "p",
            { class: "asked", dir: "auto" },
            el("span", { class: "unseen", text: "Both answer: " }),
            question.asked,
          )
        : el("p", { class: "hint", text: "Both answer the same message, which stays hidden." }),
      el("div", { class: "choices" }, ...texts),
      el("p", { class: "result", role: "status" }),
      el("div", { class: "next" }),
      this.#score(),
    );
  }

  async #choose(question, choice) {
    const buttons = [...this.root.querySelectorAll(".choice")];
    for (const one of buttons) one.disabled = true;
    try {
      const { real } = await post("/api/quiz", { id: question.id, choice });
      this.#reveal(buttons, real, choice);
    } catch (error) {
      this.root.querySelector(".result").textContent =
        error instanceof Refused ? error.message : `${this.name} cannot be reached.`;
    }
    this.waiting = false;
    const next = button("Next two", () => this.show(), { class: "main" });
    this.root.querySelector(".next").replaceChildren(next);
    next.focus();
  }

  #reveal(buttons, real, choice) {
    buttons.forEach((one, index) => {
      one.classList.add(index === real ? "person" : "network");
      one.querySelector(".came").textContent = index === real ? "the person" : this.name;
    });
    save("score", [...load("score", []), choice === real ? 1 : 0]);
    this.root.querySelector(".result").textContent =
      choice === real ? "Right: that is the person." : `No: that was ${this.name}.`;
    this.root.querySelector(".score").replaceWith(this.#score());
  }

  #score() {
    const score = load("score", []);
    const right = score.filter((one) => one === 1).length;
    if (!score.length) return el("div", { class: "score" });
    const marks = score.slice(-MAX_MARKS).map((one) => el("li", { class: one ? "hit" : "miss", "aria-hidden": "true" }));
    const clear = () => {
      save("score", []);
      this.root.querySelector(".score").replaceWith(this.#score());
    };
    return el(
      "div",
      { class: "score" },
      el("p", { class: "figure-line" }, el("b", { text: `${right} of ${score.length}` }), " right"),
      el("ol", { class: "marks", "aria-hidden": "true" }, ...marks),
      el("p", { class: "hint", text: verdict(right, score.length) }),
      button("Start over", clear),
    );
  }

  #notice(text) {
    const again = text === OFF ? [] : [button("Try again", () => this.show())];
    this.root.replaceChildren(
      el("h1", { text: `Real or ${this.name}?` }),
      el("p", { class: "notice", text }),
      ...again,
    );
  }
}
