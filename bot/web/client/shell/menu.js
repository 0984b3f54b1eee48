// The menu that holds the pages on a narrow screen.

import { byId } from "../base/dom.js";

/** Makes it open, and close when a page is chosen, on Escape, and at a click beside it. */
export function menu() {
  const [head, button] = [document.querySelector(".top"), byId("menu")];
  const open = (is) => {
    head.toggleAttribute("data-open", is);
    button.setAttribute("aria-expanded", String(is));
  };
  button.addEventListener("click", () => open(!head.hasAttribute("data-open")));
  byId("places").addEventListener("click", (event) => event.target.closest("a, #keys") && open(false));
  document.addEventListener("pointerdown", (event) => event.target.closest(".top") || open(false));
  head.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !head.hasAttribute("data-open")) return;
    event.stopPropagation();
    open(false);
    button.focus();
  });
}
