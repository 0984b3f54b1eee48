// Keyboard shortcuts, and the sheet that lists them.

import { byId, el } from "../base/dom.js";

const SHORTCUTS = [
  ["Enter", "send"],
  ["Shift+Enter", "a new line"],
  ["↑", "in an empty field: edit your last message"],
  ["Esc", "close what is open, or stop the answer"],
  ["Alt+N", "new conversation", "KeyN", "new"],
  ["Alt+H", "history", "KeyH", "past"],
  ["Alt+T", "see it think", "KeyT", "think"],
  ["Alt+M", "to your message", "KeyM", "say"],
  ["Alt+K", "this sheet", "KeyK", "keys"],
  ["← →", "on a token: the one before, the next"],
  ["Enter", "on a token: its alternatives, of which ↑ ↓ choose one"],
];

/** Makes the shortcuts and the sheet work. None is a letter alone, which would get in the way of speech input. */
export function shortcuts() {
  const sheet = byId("help");
  sheet
    .querySelector("dl")
    .replaceChildren(
      ...SHORTCUTS.map(([keys, text]) => el("div", {}, el("dt", {}, el("kbd", { text: keys })), el("dd", { text }))),
    );
  byId("keys").addEventListener("click", () => sheet.showModal());
  addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey) return;
    const id = SHORTCUTS.find(([, , code]) => code === event.code)?.[3];
    if (!id || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    if (id === "say") byId(id).focus();
    else byId(id).click();
  });
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
}
