// Where the page is scrolled to: at the end while an answer grows, and where you look while something changes.

import { byId } from "../base/dom.js";

const NEAR = 80; // pixels from the end that count as the end

export const isAtEnd = () => scrollY + innerHeight > document.documentElement.scrollHeight - NEAR;

/** Scrolls to the end of the page, but not past the start of the last turn. */
export function scrollToEnd(turns) {
  const last = turns.lastElementChild;
  if (!last) return;
  const start = last.getBoundingClientRect().top + scrollY - covered().top;
  scrollTo({ top: Math.min(start, document.documentElement.scrollHeight) });
}

/** Calls `change`, and keeps what stands in the middle of the view where it is, clear of the header and the dock. */
export function keepInView(turns, change) {
  const [seen, before] = looked(turns);
  change();
  if (!seen?.isConnected) return;
  const { top, bottom } = seen.getBoundingClientRect();
  const room = { top: covered().top, bottom: innerHeight - covered().bottom };
  const kept = Math.max(room.top, Math.min(before, room.bottom - (bottom - top)));
  scrollBy({ top: top - kept });
}

/** The newest answer whose top stands in view, or the one at its middle, and where its top is. */
function looked(turns) {
  const replies = [...turns.querySelectorAll(".reply")];
  const inView = (one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return bottom > covered().top && top < innerHeight - covered().bottom;
  };
  const seen = replies.findLast(inView);
  return seen ? [seen, seen.getBoundingClientRect().top] : [null, 0];
}

/** Pixels that the header and the dock cover, where they stick to the edges of the screen. */
function covered() {
  const height = (element) => (getComputedStyle(element).position === "sticky" ? element.offsetHeight : 0);
  return { top: height(document.querySelector(".top")), bottom: byId("dock").hidden ? 0 : height(byId("dock")) };
}
