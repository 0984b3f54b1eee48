// The button for the theme: the system's, light, dark. The script in the document sets the theme before anything is
// drawn.

import { byId } from "../base/dom.js";

const NEXT = { "": "light", light: "dark", dark: "" };
const LABEL = { "": "auto", light: "light", dark: "dark" };
const KEY = "dann.theme"; // a plain word, as the script in the document reads it
const system = matchMedia("(prefers-color-scheme: dark)");

/** Makes the button work, and the page follow the system where no theme is chosen. */
export function themeButton() {
  const button = byId("theme");
  let chosen = read();
  const show = () => {
    document.documentElement.dataset.theme = chosen || (system.matches ? "dark" : "light");
    button.textContent = `Colours: ${LABEL[chosen]}`;
  };
  system.addEventListener("change", show);
  button.addEventListener("click", () => {
    chosen = NEXT[chosen];
    keep(chosen);
    show();
  });
  show();
}

function read() {
  try {
    const theme = localStorage.getItem(KEY) ?? "";
    return theme in NEXT ? theme : "";
  } catch {
    return "";
  }
}

function keep(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the theme lasts for this visit.
  }
}
