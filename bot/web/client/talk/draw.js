// Drawing one reply: the server's events go into it, and it continues where the connection broke.

import { Refused, Unreachable, reply as events, untilReady } from "../base/api.js";
import { wholeBeginning } from "../store/prompt.js";
import { restart } from "../store/replies.js";

const GONE = ["model_not_found", "no_such_token"]; // the checkpoint, or one with these tokens, is not there any more

/**
 * Draws `reply`, which answers `messages`. Returns when it has ended, is stopped by `signal` or is refused; its
 * `state` says which. `onPiece` is called for every new piece, `onAway` with whether the server is unreachable. A
 * refusal for now leaves it "waiting": returns the seconds to wait, else 0.
 */
export async function draw(reply, messages, signal, onPiece, onAway) {
  try {
    while (!(await drawOn(reply, messages, signal, onPiece))) {
      onAway(true);
      await untilReady(signal);
      onAway(false);
      restart(reply, wholeBeginning(reply));
      reply.state = "drawing";
    }
  } catch (error) {
    if (signal.aborted) reply.state = "stopped";
    else if (error instanceof Refused) return refuse(reply, error);
    else throw error;
  }
  return 0;
}

function refuse(reply, { message, code, wait }) {
  if (wait) {
    Object.assign(reply, { state: "waiting", note: message, code });
    return wait;
  }
  const gone = GONE.includes(code);
  if (gone && reply.recorded) Object.assign(reply, { state: "recorded", text: reply.recorded, note: "" });
  else Object.assign(reply, { state: gone ? "gone" : "refused", note: gone ? "" : message });
  return 0;
}

/** Draws until the end; false where the connection broke. */
async function drawOn(reply, messages, signal, onPiece) {
  const { params, seed, checkpoint, begun } = reply;
  const given = begun.ids?.length ? { begun: begun.ids } : begun.text ? { begun_text: begun.text } : {};
  try {
    for await (const event of events({ messages, params, seed, checkpoint, ...given, watch: true }, signal)) {
      take(reply, event);
      onPiece();
    }
    return true;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    reply.state = "away";
    onPiece();
    return false;
  }
}

function take(reply, event) {
  if (event.type === "start") {
    const { checkpoint, seed, params, begun } = event;
    Object.assign(reply, { state: "drawing", note: "", checkpoint, seed, params });
    if (begun) reply.begun = { ...reply.begun, ids: begun };
  } else if (event.type === "piece") {
    const tokens = event.tokens ?? [];
    reply.text += event.text;
    reply.tokens.push(...tokens);
    reply.ids.push(...tokens.filter((token) => token.text !== "").map((token) => token.id));
  } else if (event.type === "end") reply.state = event.finish_reason;
}
