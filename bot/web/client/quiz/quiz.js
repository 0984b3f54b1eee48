// The quiz "Real or dann?": two texts, one of them real. The score stays in this browser.

import { Refused, get, post } from "../base/api.js";
import { verdict } from "./guessing.js";
import { button, byId, el } from "../base/dom.js";
import { load, save } from "../store/storage.js";

const MAX_MARKS = 30; // answers of the score that are drawn

const OFF = "The quiz shows real posts, so it is off unless config.toml turns it on.";

const TRIES = 5; // questions asked for, where dann has none at the moment
const PAUSE = 1500; // milliseconds between two tries, unless the server says how long

/** The view of the quiz; `on`: whether the server allows it. */
export class Quiz {
  constructor(name, on) {
    Object.assign(this, { name, on });
    this.root = byId("quiz").appendChild(el("div"));
  }

  /** Shows two new texts, unless two are waiting for your answer, or are looked for. */
  async show() {
    if (this.waiting) return;
    if (!this.on) return this.#notice(OFF);
    this.waiting = true;
    try {
      this.#showQuestion(await this.#question());
    } catch (error) {
      this.waiting = false;
      this.#notice(error instanceof Refused ? error.message : `${this.name} cannot be reached.`);
    }
  }

  /** Fetches a question; tries again while the server has none. */
  async #question() {
    for (let tries = 1; ; tries++) {
      try {
        return await get("/api/quiz");
      } catch (error) {
        const passes = error instanceof Refused && [429, 503].includes(error.status);
        if (!passes || error.code === "paused" || tries === TRIES) throw error;
        this.root.replaceChildren(el("p", { class: "lead", role: "status", text: "Looking for two texts…" }));
        await new Promise((resolve) => setTimeout(resolve, error.wait * 1000 || PAUSE));
      }
    }
  }

  #showQuestion(question) {
    const texts = question.texts.map((text, index) =>
      el(
        "button",
        { type: "button", class: "choice", onclick: () => this.#choose(question, index) },
        el("span", { class: "text", text, dir: "auto" }),
        el("span", { class: "came" }),
      ),
    );
    this.root.replaceChildren(
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
      const who = index === real ? "the person" : this.name;
      one.classList.toggle("yours", index === choice);
      one.querySelector(".came").textContent = index === choice ? `${who} · your choice` : who;
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
    const marks = score
      .slice(-MAX_MARKS)
      .map((one) => el("li", { class: one ? "hit" : "miss", "aria-hidden": "true" }));
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
    this.root.replaceChildren(el("p", { class: "notice", text }), ...again);
  }
}
