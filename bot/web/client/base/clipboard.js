// Copying, also on an insecure address, where browsers hide their clipboard.

import { toast } from "./dom.js";

/** Copies a text and shows `done` with a button `act`, or that the browser does not allow it. */
export async function copyText(text, done, act = null) {
  const worked = await copied(text);
  toast(worked ? done : "This browser does not allow copying", worked ? act : null);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

function copiedBySelection(text) {
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
