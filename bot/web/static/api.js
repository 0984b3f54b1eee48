// The page's API: the only file that asks the server.

/** The server said no, in a sentence that can be shown. */
export class Refused extends Error {}

/** The server cannot be reached, or the line broke. */
export class Away extends Error {}

/** Events of a reply as they come. Raises Refused, Away, or an AbortError when `signal` says to stop. */
export async function* reply(asked, signal) {
  const answer = await ask("/api/reply", { method: "POST", body: JSON.stringify(asked), signal });
  let over = false;
  for await (const event of events(answer.body, signal)) {
    if (event.type === "error") throw (await ready(signal)) ? new Refused(event.message) : new Away(event.message);
    over = event.type === "end";
    yield event;
  }
  if (!over) throw new Away("the stream ended before the reply");
}

async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { value, done } = await unbroken(reader.read(), signal);
      if (done) return;
      const blocks = (held + value).split(/\r?\n\r?\n/);
      held = blocks.pop();
      for (const block of blocks) {
        const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** What is answered, as JSON. Raises Refused with `status`, or Away. */
export async function get(path) {
  return (await ask(path)).json();
}

export async function post(path, body) {
  return (await ask(path, { method: "POST", body: JSON.stringify(body) })).json();
}

async function ask(path, options = {}) {
  const headers = options.body ? { "Content-Type": "application/json" } : {};
  const answer = await unbroken(fetch(path, { ...options, headers }), options.signal);
  if (answer.ok) return answer;
  const refused = new Refused(await reason(answer));
  refused.status = answer.status;
  throw refused;
}

async function reason(answer) {
  const wait = Number(answer.headers.get("Retry-After"));
  const told = await answer.json().catch(() => null);
  const message = told?.error?.message ?? `the server answered ${answer.status}`;
  return wait > 0 ? `${message} (try again in ${wait} s)` : message;
}

/** Tells a broken line from a reply that was stopped. */
async function unbroken(promise, signal) {
  try {
    return await promise;
  } catch (error) {
    if (signal?.aborted || error.name === "AbortError") throw error;
    throw new Away(error.message);
  }
}

/** Returns once the server can answer again. */
export async function back(signal) {
  for (;;) {
    await pause(1000, signal);
    if (await ready(signal)) return;
    signal.throwIfAborted();
  }
}

async function ready(signal) {
  const answer = await fetch("/readyz", { signal }).catch(() => null);
  return answer?.ok ?? false;
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

/** Calls `hear` with every event there is to tell of checkpoints and retraining; joins again by itself. */
export function listen(hear) {
  const source = new EventSource("/api/events");
  source.onmessage = (message) => hear(JSON.parse(message.data));
}
