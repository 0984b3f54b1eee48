// Drawing one reply: the server's events go into it, and it continues where the connection broke.

import { Refused, Unreachable, reply as events, untilReady } from "./api.js";
import { beginning } from "./conversation.js";
import { spansOf } from "./reply_text.js";

/**
 * Returns when the reply has ended, is stopped by `signal` or is refused; its `state` says which. `onPiece` is called
 * for every new piece, `onAway` with whether the server is unreachable.
 */
export async function draw(reply, signal, onPiece, onAway) {
  try {
    while (!(await drawOn(reply, signal, onPiece))) {
      onAway(true);
      await untilReady(signal);
      onAway(false);
      const begun = beginning(reply, spansOf(reply), reply.tokens.length);
      Object.assign(reply, { begun, text: begun.text, tokens: [], state: "drawing" });
    }
  } catch (error) {
    if (signal.aborted) reply.state = "stopped";
    else if (error instanceof Refused) Object.assign(reply, { state: "refused", note: error.message });
    else throw error;
  }
}

/** Draws until the end; false where the connection broke. */
async function drawOn(reply, signal, onPiece) {
  const { messages, params, seed, checkpoint, begun } = reply;
  const request = { messages, params, seed, checkpoint, begun: begun.ids.length ? begun.ids : null, watch: true };
  try {
    for await (const event of events(request, signal)) {
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
    Object.assign(reply, { state: "drawing", checkpoint: event.checkpoint, seed: event.seed, params: event.params });
  } else if (event.type === "piece") {
    reply.text += event.text;
    reply.tokens.push(...(event.tokens ?? []));
  } else if (event.type === "end") reply.state = event.finish_reason;
}
