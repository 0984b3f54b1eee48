// The history dialog: conversations kept in this browser, to find, open, name, export, import and delete.

import { button, byId, el, toast } from "../base/dom.js";
import { ago, size } from "../base/format.js";
import { Conversation, heads, titleOf } from "../store/conversations.js";
import { stored } from "../store/storage.js";
import { asJson, asMarkdown, bring, textsOf } from "../store/transfer.js";
import { download } from "../base/download.js";

/** The dialog; `open(conversation)` shows one, `forget(id)` deletes one, or all with null. */
export class History {
  constructor(name, open, forget) {
    Object.assign(this, { name, open, forget });
    this.dialog = byId("past-list");
    byId("past").addEventListener("click", () => this.show());
    byId("find").addEventListener("input", () => this.#list());
    byId("save-all").addEventListener("click", () => this.#saveAll());
    byId("bring").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", () => this.#bring(byId("file").files[0]));
    byId("forget").addEventListener("click", () => this.#forgetAll());
  }

  show() {
    byId("find").value = "";
    this.#list();
    this.dialog.showModal();
  }

  #list() {
    const words = byId("find").value.trim().toLowerCase();
    const all = heads();
    const found = words ? all.filter((head) => this.#matches(head, words)) : all;
    const none = words ? "No conversation has these words." : "No conversations yet.";
    const rows = found.map((head) => this.#row(head));
    this.dialog
      .querySelector("ol")
      .replaceChildren(...(rows.length ? rows : [el("li", { class: "hint", text: none })]));
    for (const id of ["forget", "save-all"]) byId(id).hidden = !all.length;
    byId("kept").textContent =
      "Kept in this browser only, until you delete them here or clear its data. While you talk, messages go to the server, " +
      `which answers them and keeps none. ${all.length} conversation${all.length === 1 ? "" : "s"}, ${size(2 * stored())}; ` +
      "token colours are kept for the newest answers of each.";
  }

  #matches(head, words) {
    if (titleOf(head).toLowerCase().includes(words)) return true;
    return textsOf(head.id).some((text) => text.toLowerCase().includes(words));
  }

  #row(head) {
    const title = titleOf(head);
    const show = () => {
      const conversation = Conversation.open(head.id);
      this.dialog.close();
      if (conversation) this.open(conversation);
    };
    const drop = () => {
      this.forget(head.id);
      this.#list();
      byId("find").focus();
    };
    const row = el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "open", onclick: show },
        el("span", { class: "title", text: title, dir: "auto" }),
        el("span", { class: "hint", text: ago(head.at) }),
      ),
      button("Rename", () => this.#rename(head, row), { "aria-label": `Rename “${title}”` }),
      button("Markdown", () => this.#saveOne(head), { "aria-label": `Export “${title}” as Markdown` }),
      button("Delete", drop, { "aria-label": `Delete “${title}”` }),
    );
    return row;
  }

  #rename(head, row) {
    const field = el("input", { type: "text", class: "name", maxlength: 80, "aria-label": "Name of the conversation" });
    field.value = titleOf(head);
    const done = (keep) => {
      if (keep) Conversation.open(head.id)?.rename(field.value.trim());
      this.#list();
      byId("find").focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      done(event.key === "Enter");
    });
    row.replaceChildren(
      field,
      button("Save", () => done(true)),
    );
    field.select();
  }

  #saveAll() {
    download(new Blob([asJson()], { type: "application/json" }), `${this.name}-conversations.json`);
  }

  #saveOne(head) {
    download(new Blob([asMarkdown(head.id, this.name)], { type: "text/markdown" }), `${this.name}-conversation.md`);
  }

  async #bring(file) {
    if (!file) return;
    byId("file").value = "";
    const { added, wrong } = bring(await file.text());
    toast(wrong || `Imported ${added} conversation${added === 1 ? "" : "s"}`);
    this.#list();
  }

  #forgetAll() {
    if (!confirm("Delete all conversations kept in this browser?")) return;
    this.dialog.close();
    this.forget(null);
    toast("History deleted");
  }
}
