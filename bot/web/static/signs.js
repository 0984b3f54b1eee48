// How the page says that something is under way, or that nobody answers; and where it scrolls to.

import { byId } from "./dom.js";

/** "Stop" in the place of "Send" while replies are drawn; the focus stays in that place. */
export function showBusy(busy) {
  const [before, now] = busy ? ["send", "stop"] : ["stop", "say"];
  const moves = byId(before) === document.activeElement;
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
  if (moves) byId(now).focus();
}

/** A plain line while the server cannot be reached. */
export function showAway(name, away) {
  byId("away").hidden = !away;
  byId("away").textContent = away
    ? `${name} cannot be reached. What has come stays here, and it goes on when ${name} is back.`
    : "";
}

/** To the end of the page, but no further than to where the last turn begins. */
export function follow(turns) {
  const begins =
    turns.lastElementChild.getBoundingClientRect().top + scrollY - document.querySelector(".top").offsetHeight;
  scrollTo({ top: Math.min(begins, document.documentElement.scrollHeight) });
}
