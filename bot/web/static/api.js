// Client of the page's API: the only file that talks to the server.

/** A refusal by the server, with a sentence to show. */
export class Refused extends Error {}

/** The server cannot be reached, or the connection broke. */
export class Unreachable extends Error {}

/** Events of a reply as they arrive. Throws Refused, Unreachable, or an AbortError when `signal` aborts. */
export async function* reply(request, signal) {
  const response = await send("/api/reply", { method: "POST", body: JSON.stringify(request), signal });
  let ended = false;
  for await (const event of events(response.body, signal)) {
    if (event.type === "error") throw (await isReady(signal)) ? new Refused(event.message) : new Unreachable(event.message);
    ended = event.type === "end";
    yield event;
  }
  if (!ended) throw new Unreachable("the stream ended before the reply");
}

async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await unbroken(reader.read(), signal);
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Gets JSON. Throws Refused with `status`, or Unreachable. */
export async function get(path) {
  return (await send(path)).json();
}

/** Posts JSON and returns the response's. Throws as `get` does. */
export async function post(path, body) {
  return (await send(path, { method: "POST", body: JSON.stringify(body) })).json();
}

async function send(path, options = {}) {
  const headers = options.body ? { "Content-Type": "application/json" } : {};
  const response = await unbroken(fetch(path, { ...options, headers }), options.signal);
  if (response.ok) return response;
  const refused = new Refused(await reason(response));
  refused.status = response.status;
  throw refused;
}

async function reason(response) {
  const wait = Number(response.headers.get("Retry-After"));
  const body = await response.json().catch(() => null);
  const message = body?.error?.message ?? `the server answered ${response.status}`;
  return wait > 0 ? `${message} (try again in ${wait} s)` : message;
}

/** Throws Unreachable for a broken connection, but not for a reply that you stop. */
async function unbroken(promise, signal) {
  try {
    return await promise;
  } catch (error) {
    if (signal?.aborted || error.name === "AbortError") throw error;
    throw new Unreachable(error.message);
  }
}

/** Waits until the server can answer again. */
export async function untilReady(signal) {
  for (;;) {
    await pause(1000, signal);
    if (await isReady(signal)) return;
    signal.throwIfAborted();
  }
}

async function isReady(signal) {
  const response = await fetch("/readyz", { signal }).catch(() => null);
  return response?.ok ?? false;
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

/** Calls `handle` with every event about checkpoints and retraining; reconnects by itself. */
export function listen(handle) {
  const source = new EventSource("/api/events");
  source.onmessage = (message) => handle(JSON.parse(message.data));
}
