// Wiring: the views, the dock, and what the server tells by itself.

import { Alternatives } from "./alternatives.js";
import { get, listen } from "./api.js";
import { Card } from "./card.js";
import { Chat } from "./chat.js";
import { colours } from "./colours.js";
import { Dials } from "./dials.js";
import { byId, el, toast } from "./dom.js";
import { isLink, recipeOf } from "./link.js";
import { past } from "./past.js";
import { Quiz } from "./quiz.js";
import { conversations, keep, kept } from "./store.js";
import { newConversation } from "./talk.js";
import { percent } from "./words.js";
import { marked } from "./word.js";

const name = document.body.dataset.name;
const dials = new Dials(() => alternatives.update());
const chat = new Chat(dials, name);
const alternatives = new Alternatives(
  () => dials.params.temperature,
  () => chat.mostUndecided(),
  (...chosen) => chat.choose(...chosen),
);
const views = { talk: null, quiz: new Quiz(name, quizAllowed()), card: new Card(name) };
chat.look = alternatives;

function route() {
  if (isLink(location.hash)) {
    follow(recipeOf(location.hash));
    history.replaceState(null, "", "#talk");
  }
  const wanted = location.hash.slice(1);
  const shown = wanted in views ? wanted : "talk";
  for (const view of Object.keys(views)) byId(view).hidden = view !== shown;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("dock").hidden = shown !== "talk";
  alternatives.close();
  views[shown]?.show();
}

function follow(recipe) {
  if (recipe) chat.follow(recipe);
  else toast("This link is not whole: ask for it again");
}

function think(thinking) {
  byId("think").checked = thinking;
  keep("think", thinking);
  document.body.toggleAttribute("data-think", thinking);
  alternatives.forget();
  chat.think(thinking);
}

function fit(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, innerHeight / 3)}px`;
}

function say() {
  const field = byId("say");
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  fit(field);
  chat.say(text);
  field.focus();
}

function keys(event) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    say();
  }
}

function heard(event) {
  if (event.type === "checkpoint") toast(`${name} has learned: ${event.id} serves now`);
  if (event.type === "checkpoint" && !byId("card").hidden) views.card.show();
  if (event.type !== "retraining") return;
  const place = document.querySelector(".learning");
  place.hidden = !event.part;
  place.replaceChildren(...(event.part ? [el("span", { text: "learning anew " }), percent(event.share)] : []));
  place.setAttribute("aria-label", event.part ? `It learns anew: ${percent(event.share)}` : "");
  views.card.hear(event);
}

/** Asks whether the server allows the quiz, and shows a retraining that runs. */
async function quizAllowed() {
  const card = await get("/api/card").catch(() => null);
  if (!card) return false;
  document.querySelector("nav [data-view=quiz]").hidden = !card.quiz;
  heard({ type: "retraining", ...(card.retraining ?? { part: null }) });
  return card.quiz;
}

document.querySelector("[data-word]").replaceWith(marked(name));
colours();
past(
  (conversation) => (chat.show(conversation), (location.hash = "#talk")),
  () => chat.show(newConversation()),
);
byId("dock").addEventListener("submit", (event) => (event.preventDefault(), say()));
byId("say").addEventListener("keydown", keys);
byId("say").addEventListener("input", (event) => fit(event.target));
byId("stop").addEventListener("click", () => chat.stop());
byId("new").addEventListener(
  "click",
  () => (chat.show(newConversation()), (location.hash = "#talk"), byId("say").focus()),
);
byId("think").addEventListener("change", (event) => think(event.target.checked));
document.querySelector(".skip").addEventListener("click", (event) => (event.preventDefault(), byId("say").focus()));
addEventListener("keydown", (event) => event.key === "Escape" && chat.stop());
addEventListener("hashchange", route);
think(kept("think", false));
const [newest] = conversations();
if (newest && !isLink(location.hash)) chat.show(newest);
route();
listen(heard);
document.body.setAttribute("data-ready", "");
