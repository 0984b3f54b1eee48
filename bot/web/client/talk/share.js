// Showing an answer to others: the link to it, and a report to dann's owner.

import { post } from "../base/api.js";
import { copyText } from "../base/clipboard.js";
import { toast } from "../base/dom.js";
import { LONGEST, linkTo, shortLinkTo } from "./link.js";

/** Copies the link to the last reply of a path; offers a shorter one where it is too long for a message on Discord. */
export function copyLink(path) {
  const link = linkTo(path);
  if (link.length <= LONGEST) {
    copyText(link, "Link copied: it gives the same text again");
    return;
  }
  const short = () => {
    const shorter = shortLinkTo(path);
    if (shorter) copyText(shorter, "Link copied: it shows the newest turns as they are here");
    else toast("This answer alone is too long for a link of 2,000 characters");
  };
  const long = `Link copied. It has ${link.length.toLocaleString("en")} characters, and Discord takes 2,000.`;
  copyText(link, long, ["Copy the newest turns alone", short]);
}

/** Tells the owner of `name` of an answer, with the message that it answers, once you have agreed. */
export async function report({ text, seed, checkpoint }, message, name) {
  if (!confirm(`Send this answer, and the message before it, to ${name}’s owner?`)) return;
  const sent = await post("/api/report", { message, text, seed, checkpoint }).catch((error) => error);
  toast(sent instanceof Error ? `Not sent: ${sent.message}` : "Sent to the owner");
}
