// Copying, also where the page is not on a secure address and browsers hide their clipboard.

import { toast } from "./dom.js";

/** Copies a text, and says so: `done` where it could be. */
export async function hand(text, done) {
  toast((await copied(text)) ? done : "This browser lets nothing be copied");
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

function copiedByHand(text) {
  const field = document.createElement("textarea");
  const before = document.activeElement;
  field.value = text;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  before?.focus();
  return copied;
}
