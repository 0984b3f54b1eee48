// The history: conversations that this browser keeps, to open again or forget.

import { byId, button, el, toast } from "./dom.js";
import { conversations, forget } from "./store.js";
import { ago } from "./words.js";

/** Makes the dialog work; `open` shows a conversation, `cleared` is called when all are forgotten. */
export function past(open, cleared) {
  const dialog = byId("past-list");
  byId("past").addEventListener("click", () => {
    list(dialog, open, cleared);
    dialog.showModal();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  byId("forget").addEventListener("click", () => {
    if (!confirm("Forget every conversation that this browser keeps?")) return;
    dialog.close();
    cleared();
    forget();
    toast("History cleared");
  });
}

function list(dialog, open, cleared) {
  const all = conversations();
  const rows = all.map((conversation) => {
    const show = () => {
      dialog.close();
      open(conversation);
    };
    const drop = () => {
      forget(conversation.id);
      list(dialog, open, cleared);
    };
    const title = titleOf(conversation);
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "open", onclick: show },
        el("span", { class: "title", text: title, dir: "auto" }),
        el("span", { class: "hint", text: ago(conversation.at) }),
      ),
      button("Forget", drop, { "aria-label": `Forget “${title}”` }),
    );
  });
  dialog.querySelector("ol").replaceChildren(...rows);
  if (!rows.length) dialog.querySelector("ol").append(el("li", { class: "hint", text: "Nothing has been said yet." }));
  byId("forget").hidden = !rows.length;
}

function titleOf({ turns }) {
  const texts = turns.flatMap((turn) => [turn.asked, turn.replies[turn.chosen]?.text]);
  return (texts.find(Boolean) ?? "…").slice(0, 80);
}
