// The button for the theme: the system's, light, dark.

import { byId } from "./dom.js";

const NEXT = { "": "light", light: "dark", dark: "" };
const SIGN = { "": "◐", light: "☀", dark: "☾" };
const LABEL = { "": "as your system has them", light: "light", dark: "dark" };

/** Makes the button work; theme.js has set the theme itself. */
export function themeButton() {
  const button = byId("theme");
  const show = () => {
    const theme = document.documentElement.dataset.theme ?? "";
    button.textContent = SIGN[theme];
    button.setAttribute("aria-label", `Colours: ${LABEL[theme]}`);
    button.title = `Colours: ${LABEL[theme]}`;
  };
  button.addEventListener("click", () => {
    const next = NEXT[document.documentElement.dataset.theme ?? ""];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    try {
      localStorage.setItem("dann.theme", next);
    } catch {
      // Without storage the theme lasts for this visit.
    }
    show();
  });
  show();
}
