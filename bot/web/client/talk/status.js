// The page's state: replies being drawn, the server unreachable, dann paused, this browser's storage full.

import { byId, setText } from "../base/dom.js";

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
  notice("away", away && `${name} cannot be reached. The reply stays here and continues when ${name} is back.`);
}

/** Shows a line while an owner has paused dann. */
export function showPaused(name, paused) {
  notice("paused", paused && `${name} is paused. Its owner has to resume it; what you write stays here.`);
}

/** Shows a line while messages find no room in this browser. */
export function showFull(full) {
  notice(
    "unkept",
    full &&
      "This browser’s storage is full: new messages last until you close the page. Delete or export conversations in History.",
  );
}

function notice(id, text) {
  byId(id).hidden = !text;
  setText(byId(id), text || "");
}
