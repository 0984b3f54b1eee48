// Saves a reply as a picture, drawn on a canvas in the page's colours.

import { download } from "../base/download.js";
import { surprise } from "../think/reply_text.js";
import { spansOf } from "../think/spans.js";

const WIDE = 720;
const EDGE = 56;
const SCALE = 2;
const REPLY = { size: 26, line: 42 };
const RIGHT_TO_LEFT = /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u;
const ASKED = { size: 18, line: 27 };

/** Saves a message and its reply as a PNG; with `thinking`, tokens are underlined as on the page. */
export function savePicture(name, asked, reply, thinking) {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const question = asked ? wrapped(pen, asked, ASKED, WIDE - 2 * EDGE - 140) : [];
  const answer = wrapped(pen, reply.text, REPLY, WIDE - 2 * EDGE);
  const top = EDGE + (question.length ? question.length * ASKED.line + 58 : 0);
  const high = top + answer.length * REPLY.line + 84;
  canvas.width = WIDE * SCALE;
  canvas.height = high * SCALE;
  pen.scale(SCALE, SCALE);
  pen.fillStyle = colour("--paper");
  pen.fillRect(0, 0, WIDE, high);
  if (question.length) drawQuestion(pen, question);
  drawAnswer(pen, answer, top, thinking ? reply : null);
  drawFoot(pen, name, reply, high);
  canvas.toBlob((blob) => download(blob, `${name}-${reply.seed ?? "reply"}.png`), "image/png");
}

const family = () => getComputedStyle(document.body).fontFamily;

/** A colour variable of the page, resolved for a canvas. */
function colour(variable) {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  probe.style.color = `var(${variable})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Wraps text into lines `{text, from}`, between words and within words wider than a line. */
function wrapped(pen, text, { size }, width) {
  pen.font = `${size}px ${family()}`;
  const lines = [];
  let line = { text: "", from: 0 };
  const next = (from) => {
    lines.push(line);
    line = { text: "", from };
  };
  for (const { segment, index } of new Intl.Segmenter([], { granularity: "word" }).segment(text)) {
    if (segment.includes("\n")) {
      next(index + segment.length);
      continue;
    }
    if (line.text && pen.measureText(line.text + segment.trimEnd()).width > width) next(index);
    const parts =
      pen.measureText(segment).width > width ? new Intl.Segmenter().segment(segment) : [{ segment, index: 0 }];
    for (const part of parts) {
      if (line.text && pen.measureText(line.text + part.segment.trimEnd()).width > width) next(index + part.index);
      line.text += part.segment;
    }
  }
  next(text.length);
  return lines;
}

function drawQuestion(pen, lines) {
  pen.font = `${ASKED.size}px ${family()}`;
  const wide = Math.max(...lines.map(({ text }) => pen.measureText(text).width)) + 36;
  const left = WIDE - EDGE - wide;
  pen.fillStyle = colour("--bubble");
  pen.beginPath();
  pen.roundRect(left, EDGE - 8, wide, lines.length * ASKED.line + 20, [18, 18, 5, 18]);
  pen.fill();
  pen.fillStyle = colour("--ink");
  lines.forEach(({ text }, number) => pen.fillText(text, left + 18, EDGE + 22 + number * ASKED.line));
}

/** Draws right-to-left text at the right edge without underlines, as widths do not tell where its tokens stand. */
function drawAnswer(pen, lines, top, thinking) {
  const rightToLeft = RIGHT_TO_LEFT.test(lines.map(({ text }) => text).join(" "));
  pen.font = `${REPLY.size}px ${family()}`;
  pen.direction = rightToLeft ? "rtl" : "ltr";
  lines.forEach((line, number) => {
    const base = top + 30 + number * REPLY.line;
    if (thinking && !rightToLeft) underline(pen, line, base, thinking);
    pen.fillStyle = colour("--ink");
    pen.fillText(line.text, rightToLeft ? WIDE - EDGE : EDGE, base);
  });
  pen.direction = "ltr";
}

/** Underlines each token, the thicker the more surprising it is. */
function underline(pen, { text, from }, base, reply) {
  let at = reply.begun.text.length;
  for (const span of spansOf(reply)) {
    const start = Math.max(at - from, 0);
    const end = Math.min(at + span.text.length - from, text.length);
    at += span.text.length;
    if (end <= start) continue;
    const step = surprise(reply.tokens[span.from].logprob);
    const left = EDGE + pen.measureText(text.slice(0, start)).width;
    pen.fillStyle = colour(`--s${step}`);
    pen.fillRect(left, base + 7, pen.measureText(text.slice(start, end)).width - 1, 1 + step * 1.4);
  }
}

function drawFoot(pen, name, reply, high) {
  pen.font = `600 20px ${family()}`;
  pen.fillStyle = colour("--accent");
  pen.fillText(name, EDGE, high - 36);
  const wide = pen.measureText(name).width;
  if (reply.seed === null) return;
  pen.font = `14px ${family()}`;
  pen.fillStyle = colour("--muted");
  pen.fillText(`seed ${reply.seed} · temperature ${reply.params.temperature}`, EDGE + wide + 16, high - 36);
}
