// Drawing one reply: what the server sends, put into it, and on again where the line broke.

import { Away, Refused, back, reply as drawn } from "./api.js";
import { beginning } from "./talk.js";
import { spansOf } from "./thoughts.js";

/**
 * Returns when the reply has ended, was stopped by `signal` or was refused; its `state` says which. `grown` is called
 * whenever there is more of it, `away` with whether the server cannot be reached.
 */
export async function draw(reply, signal, grown, away) {
  try {
    while (!(await unbroken(reply, signal, grown))) {
      away(true);
      await back(signal);
      away(false);
      const begun = beginning(reply, spansOf(reply), reply.tokens.length);
      Object.assign(reply, { begun, text: begun.text, tokens: [], state: "drawing" });
    }
  } catch (error) {
    if (signal.aborted) reply.state = "stopped";
    else if (error instanceof Refused) Object.assign(reply, { state: "refused", note: error.message });
    else throw error;
  }
}

/** False where the line broke. */
async function unbroken(reply, signal, grown) {
  const { messages, params, seed, checkpoint, begun } = reply;
  const asked = { messages, params, seed, checkpoint, begun: begun.ids.length ? begun.ids : null, watch: true };
  try {
    for await (const event of drawn(asked, signal)) {
      take(reply, event);
      grown();
    }
    return true;
  } catch (error) {
    if (!(error instanceof Away)) throw error;
    reply.state = "away";
    grown();
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
