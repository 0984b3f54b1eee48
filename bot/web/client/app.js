// Wiring: the views, the dock, and live events.

import { listen } from "./base/api.js";
import { byId, el, toast } from "./base/dom.js";
import { percent } from "./base/format.js";
import { Card } from "./card/card.js";
import { Quiz } from "./quiz/quiz.js";
import { Composer } from "./shell/composer.js";
import { Dials } from "./shell/dials.js";
import { History } from "./shell/history.js";
import { shortcuts } from "./shell/keys.js";
import { menu } from "./shell/menu.js";
import { themeButton } from "./shell/theme_button.js";
import { Views } from "./shell/views.js";
import { Conversation, heads, onFull } from "./store/conversations.js";
import { load, save, watch } from "./store/storage.js";
import { Chat } from "./talk/chat.js";
import { isLink, recipeOf } from "./talk/link.js";
import { showFull, showPaused } from "./talk/status.js";
import { Alternatives } from "./think/alternatives.js";

const name = document.body.dataset.name;
const dials = new Dials(() => alternatives.update());
const composer = new Composer(
  (text) => chat.say(text) && (dials.fold(true), true),
  () => chat.editLast(),
);
const chat = new Chat(dials, name, composer);
const alternatives = new Alternatives(
  () => dials.params.temperature,
  () => chat.mostUncertain(),
  (...chosen) => chat.choose(...chosen),
);
const quizIsOn = !document.querySelector("nav [data-view=quiz]").hidden;
const views = new Views(name, { talk: null, quiz: new Quiz(name, quizIsOn), card: new Card(name) });
chat.alternatives = alternatives;

function route() {
  if (isLink(location.hash)) {
    const recipe = recipeOf(location.hash);
    history.replaceState(null, "", "#talk");
    if (recipe) chat.openLink(recipe);
    else toast("This link is incomplete: ask for it again");
  }
  alternatives.close();
  views.show();
}

function think(thinking) {
  byId("think").checked = thinking;
  save("think", thinking);
  document.body.toggleAttribute("data-think", thinking);
  chat.think(thinking);
}

function talk(conversation) {
  chat.show(conversation);
  location.hash = "#talk";
}

function handle(event) {
  if (event.type === "checkpoint") {
    toast(`${name} has a new checkpoint: ${event.id} serves now`);
    if (!byId("card").hidden) views.views.card.show();
  } else if (event.type === "retraining") showRetraining(event);
  else if (event.type === "status") {
    showPaused(name, event.paused);
    chat.allowReports(event.report);
  }
}

function showRetraining(event) {
  const badge = document.querySelector(".learning");
  badge.hidden = !event.part;
  badge.replaceChildren(...(event.part ? [el("span", { text: "retraining " }), percent(event.share)] : []));
  badge.setAttribute("aria-label", event.part ? `Retraining: ${percent(event.share)}` : "");
  views.views.card.showProgress(event);
}

function escape() {
  if (alternatives.isOpen) alternatives.close();
  else chat.stop();
}

/** Shows the newest conversation; one that cannot be read stays in History, and keeps nobody from talking. */
function resume() {
  const [newest] = heads();
  try {
    const conversation = newest && !isLink(location.hash) ? Conversation.open(newest.id) : null;
    if (conversation) chat.show(conversation);
    else composer.open(chat.conversation);
  } catch (error) {
    console.error(error);
    chat.show();
    toast("Your newest conversation cannot be read. It stays in History.");
  }
}

themeButton();
menu();
shortcuts();
new History(name, talk, (id) => chat.forget(id));
byId("stop").addEventListener("click", () => chat.stop());
byId("new").addEventListener("click", () => (talk(), byId("say").focus()));
byId("think").addEventListener("change", (event) => think(event.target.checked));
byId("welcome").addEventListener("click", ({ target }) => target.matches(".chip") && chat.say(target.textContent));
document.querySelector(".skip").addEventListener("click", (event) => (event.preventDefault(), byId("say").focus()));
addEventListener("keydown", (event) => event.key === "Escape" && !document.querySelector("dialog[open]") && escape());
addEventListener("hashchange", route);
watch((key, value) => chat.heard(key, value));
onFull(showFull);
think(load("think", false));
resume();
route();
listen(handle);
document.body.setAttribute("data-ready", "");
