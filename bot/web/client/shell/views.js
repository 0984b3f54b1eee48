// The views of the page, by what stands behind the "#": one is shown, named in the title and the navigation, and
// focused.

import { byId } from "../base/dom.js";

/** Shows the view that the address names; `views` has the object of each, with `show()`, or null. */
export class Views {
  constructor(name, views) {
    Object.assign(this, { name, views, now: null });
  }

  /** Shows the view of the present address; moves the focus to its heading, but not when the page is loaded. */
  show() {
    const wanted = location.hash.slice(1);
    const shown = wanted in this.views ? wanted : "talk";
    const isNew = this.now !== null && this.now !== shown;
    this.now = shown;
    for (const view of Object.keys(this.views)) byId(view).hidden = view !== shown;
    for (const link of document.querySelectorAll("nav a[data-view]")) {
      if (link.dataset.view === shown) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    byId("dock").hidden = shown !== "talk";
    const heading = byId(`${shown}-title`);
    document.title = shown === "talk" ? this.name : `${heading.textContent} · ${this.name}`;
    this.views[shown]?.show();
    if (!isNew) return;
    byId(`${shown}-title`).focus({ preventScroll: true });
    if (shown !== "talk") scrollTo({ top: 0 });
  }
}
