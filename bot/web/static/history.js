// The history dialog: conversations kept in this browser, to open or delete.

import { byId, button, el, toast } from "./dom.js";
import { conversations, remove } from "./store.js";
import { ago } from "./format.js";

/** Makes the dialog work; `open` shows a conversation, `cleared` is called when all are deleted. */
export function historyDialog(open, cleared) {
  const dialog = byId("past-list");
  byId("past").addEventListener("click", () => {
    list(dialog, open, cleared);
    dialog.showModal();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  byId("forget").addEventListener("click", () => {
    if (!confirm("Delete all conversations kept in this browser?")) return;
    dialog.close();
    cleared();
    remove();
    toast("History deleted");
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
      remove(conversation.id);
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
      button("Delete", drop, { "aria-label": `Delete “${title}”` }),
    );
  });
  dialog.querySelector("ol").replaceChildren(...rows);
  if (!rows.length) dialog.querySelector("ol").append(el("li", { class: "hint", text: "No conversations yet." }));
  byId("forget").hidden = !rows.length;
}

function titleOf({ turns }) {
  const texts = turns.flatMap((turn) => [turn.asked, turn.replies[turn.chosen]?.text]);
  return (texts.find(Boolean) ?? "…").slice(0, 80);
}
