// Wiring: the views, the dock, and live events.

import { Alternatives } from "./alternatives.js";
import { get, listen } from "./api.js";
import { Card } from "./card.js";
import { Chat } from "./chat.js";
import { themeButton } from "./theme_button.js";
import { Dials } from "./dials.js";
import { byId, el, toast } from "./dom.js";
import { isLink, recipeOf } from "./link.js";
import { historyDialog } from "./history.js";
import { Quiz } from "./quiz.js";
import { conversations, load, save } from "./store.js";
import { newConversation } from "./conversation.js";
import { percent } from "./format.js";
import { wordmark } from "./wordmark.js";

const name = document.body.dataset.name;
const dials = new Dials(() => alternatives.update());
const chat = new Chat(dials, name);
const alternatives = new Alternatives(
  () => dials.params.temperature,
  () => chat.mostUncertain(),
  (...chosen) => chat.choose(...chosen),
);
const views = { talk: null, quiz: new Quiz(name, quizAllowed()), card: new Card(name) };
chat.alternatives = alternatives;

function route() {
  if (isLink(location.hash)) {
    openLink(recipeOf(location.hash));
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

function openLink(recipe) {
  if (recipe) chat.openLink(recipe);
  else toast("This link is incomplete: ask for it again");
}

function think(thinking) {
  byId("think").checked = thinking;
  save("think", thinking);
  document.body.toggleAttribute("data-think", thinking);
  alternatives.reset();
  chat.think(thinking);
}

function fitHeight(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, innerHeight / 3)}px`;
}

function submit() {
  const field = byId("say");
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  fitHeight(field);
  chat.say(text);
  field.focus();
}

function submitOnEnter(event) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  }
}

function handle(event) {
  if (event.type === "checkpoint") toast(`${name} has a new checkpoint: ${event.id} serves now`);
  if (event.type === "checkpoint" && !byId("card").hidden) views.card.show();
  if (event.type !== "retraining") return;
  const badge = document.querySelector(".learning");
  badge.hidden = !event.part;
  badge.replaceChildren(...(event.part ? [el("span", { text: "retraining " }), percent(event.share)] : []));
  badge.setAttribute("aria-label", event.part ? `Retraining: ${percent(event.share)}` : "");
  views.card.showProgress(event);
}

/** Asks whether the server allows the quiz, and shows a retraining that runs. */
async function quizAllowed() {
  const card = await get("/api/card").catch(() => null);
  if (!card) return false;
  document.querySelector("nav [data-view=quiz]").hidden = !card.quiz;
  handle({ type: "retraining", ...(card.retraining ?? { part: null }) });
  return card.quiz;
}

document.querySelector("[data-word]").replaceWith(wordmark(name));
themeButton();
historyDialog(
  (conversation) => (chat.show(conversation), (location.hash = "#talk")),
  () => chat.show(newConversation()),
);
byId("dock").addEventListener("submit", (event) => (event.preventDefault(), submit()));
byId("say").addEventListener("keydown", submitOnEnter);
byId("say").addEventListener("input", (event) => fitHeight(event.target));
byId("stop").addEventListener("click", () => chat.stop());
byId("new").addEventListener(
  "click",
  () => (chat.show(newConversation()), (location.hash = "#talk"), byId("say").focus()),
);
byId("think").addEventListener("change", (event) => think(event.target.checked));
document.querySelector(".skip").addEventListener("click", (event) => (event.preventDefault(), byId("say").focus()));
addEventListener("keydown", (event) => event.key === "Escape" && chat.stop());
addEventListener("hashchange", route);
think(load("think", false));
const [newest] = conversations();
if (newest && !isLink(location.hash)) chat.show(newest);
route();
listen(handle);
document.body.setAttribute("data-ready", "");
