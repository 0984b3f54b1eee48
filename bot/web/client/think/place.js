// Where the list of alternatives stands: off the sentence that it is about.

import { byId } from "../base/dom.js";

const MARGIN = 8;
const SHEET = matchMedia("(max-width: 35em), (max-height: 30em)"); // a sheet at the bottom edge there: see think.css
const NARROWEST = 230;

/** Places the box below the paragraph of a token, or above it, or beside it, whichever has room for it. */
export function place(box, token, paragraph) {
  for (const side of ["left", "top", "width"]) box.style.removeProperty(side);
  const at = token.getClientRects()[0];
  if (SHEET.matches) {
    const hidden = at.bottom + MARGIN - (innerHeight - box.offsetHeight);
    if (hidden > 0) scrollBy({ top: hidden });
    return;
  }
  const { width, height } = box.getBoundingClientRect();
  const sentence = paragraph.getBoundingClientRect();
  const wide = document.documentElement.clientWidth;
  const top = document.querySelector(".top").getBoundingClientRect().bottom;
  const bottom = byId("dock").getBoundingClientRect().top;
  const left = Math.max(MARGIN, Math.min(at.left - MARGIN, wide - width - MARGIN));
  const beside = wide - sentence.right - 2 * MARGIN;
  if (sentence.bottom + height + MARGIN <= bottom) move(box, left, sentence.bottom);
  else if (sentence.top - height - MARGIN >= top) move(box, left, sentence.top - height - MARGIN);
  else if (beside >= NARROWEST) {
    box.style.width = `${Math.min(width, beside)}px`;
    move(box, sentence.right + MARGIN, Math.min(at.top, Math.max(top, innerHeight - height - MARGIN)));
  } else move(box, left, sentence.bottom + MARGIN / 2);
}

function move(box, left, top) {
  box.style.left = `${left}px`;
  box.style.top = `${top + scrollY}px`;
}
