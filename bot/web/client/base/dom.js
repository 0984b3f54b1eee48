// Makes elements. Text is only ever set as text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element; `given` holds attributes, `on…` listeners and "text"; false and null are left out. */
export function el(tag, given = {}, ...children) {
  return filled(document.createElement(tag), given, children);
}

/** An SVG element, as `el`. */
export function svg(tag, given = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), given, children);
}

function filled(element, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text only where it differs, so that nothing is rendered, or read out, again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A button that calls `act`. */
export function button(text, act, given = {}) {
  return el("button", { type: "button", class: "quiet", text, onclick: act, ...given });
}

const TOAST = 2600; // milliseconds that a line is shown
const TOAST_WITH_ACT = 12_000;

/**
 * Shows a line for a moment; screen readers read it out. `act`: a button `[text, act]` beside it, which gives more
 * time.
 */
export function toast(text, act = null) {
  const shown = byId("toast");
  const hide = () => shown.classList.remove("here");
  shown.replaceChildren(text, ...(act ? [button(act[0], () => (hide(), act[1]()))] : []));
  shown.classList.add("here");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(hide, act ? TOAST_WITH_ACT : TOAST);
}
