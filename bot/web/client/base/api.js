// Client of the page's API: the only file that talks to the server.

const LISTEN_AGAIN = 15_000; // milliseconds

/** A refusal by the server: its sentence, `status`, `code`, and `wait`, the seconds until a retry makes sense, or 0. */
export class Refused extends Error {
  constructor(message, { status = 0, code = null, wait = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, wait });
  }
}

/** The server cannot be reached, or the connection broke. */
export class Unreachable extends Error {}

/** Events of a reply as they arrive. Throws Refused, Unreachable, or an AbortError when `signal` aborts. */
export async function* reply(request, signal) {
  const response = await send("/api/reply", { method: "POST", body: JSON.stringify(request), signal });
  let ended = false;
  for await (const event of events(response.body, signal)) {
    if (event.type === "error")
      throw (await isReady(signal)) ? new Refused(event.message) : new Unreachable(event.message);
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
  const error = (await response.json().catch(() => null))?.error;
  throw new Refused(error?.message ?? `the server answered ${response.status}`, {
    status: response.status,
    code: error?.code ?? null,
    wait: Number(response.headers.get("Retry-After")) || 0,
  });
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

/**
 * Calls `handle` with every event about dann's state, which begins as usual and is then told where it is not;
 * reconnects, also after a refusal, which ends an EventSource.
 */
export function listen(handle) {
  const source = new EventSource("/api/events");
  source.onopen = () => handle({ type: "status", paused: false, report: false });
  source.onmessage = (message) => handle(JSON.parse(message.data));
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(handle), LISTEN_AGAIN);
  };
}
