// The button for light and dark: as the system has it, light, dark.

import { byId } from "./dom.js";

const NEXT = { "": "light", light: "dark", dark: "" };
const SIGN = { "": "◐", light: "☀", dark: "☾" };
const SAID = { "": "as the system has them", light: "light", dark: "dark" };

/** Makes the button work. The theme itself was set by theme.js. */
export function colours() {
  const place = byId("theme");
  const show = () => {
    const theme = document.documentElement.dataset.theme ?? "";
    place.textContent = SIGN[theme];
    place.setAttribute("aria-label", `Colours: ${SAID[theme]}`);
    place.title = `Colours: ${SAID[theme]}`;
  };
  place.addEventListener("click", () => {
    const next = NEXT[document.documentElement.dataset.theme ?? ""];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    try {
      localStorage.setItem("dann.theme", next);
    } catch {
      // It holds for this visit.
    }
    show();
  });
  show();
}
