// The page's state: replies being drawn, server unreachable, scrolled to the end.

import { byId } from "./dom.js";

/** Shows "Stop" instead of "Send" while replies are drawn, and keeps the focus there. */
export function showBusy(busy) {
  const [before, now] = busy ? ["send", "stop"] : ["stop", "say"];
  const focused = byId(before) === document.activeElement;
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
  if (focused) byId(now).focus();
}

/** Shows a line while the server cannot be reached. */
export function showAway(name, away) {
  byId("away").hidden = !away;
  byId("away").textContent = away
    ? `${name} cannot be reached. The reply stays here and continues when ${name} is back.`
    : "";
}

/** Scrolls to the end of the page, but not past the start of the last turn. */
export function scrollToEnd(turns) {
  const start =
    turns.lastElementChild.getBoundingClientRect().top + scrollY - document.querySelector(".top").offsetHeight;
  scrollTo({ top: Math.min(start, document.documentElement.scrollHeight) });
}
