// The replies that are being drawn: kept while they grow, and drawn again by themselves when a refusal's time has
// passed.

import { draw } from "./draw.js";
import { restart } from "../store/replies.js";

const KEEP_EVERY = 1000; // milliseconds between two writes of a reply that grows

/**
 * Draws replies side by side. `hooks`: `piece(reply)`, `ended(reply)`, `keep(reply)`, `away(away)`, `busy(busy)`, and
 * `refused(replies, until, again)` when some wait until a time: called with none when they do no longer.
 */
export class Drawing {
  constructor(hooks) {
    this.hooks = hooks;
    this.running = new Map(); // AbortControllers by reply
    this.waiting = new Map(); // messages by reply
    this.until = 0;
    addEventListener("pagehide", () => this.#interrupt());
  }

  get isBusy() {
    return this.running.size + this.waiting.size > 0;
  }

  isDrawing(reply) {
    return this.running.has(reply) || this.waiting.has(reply);
  }

  async start(reply, messages) {
    const controller = new AbortController();
    this.running.set(reply, controller);
    this.hooks.busy(this.isBusy);
    let keptAt = performance.now();
    const piece = () => {
      if (performance.now() - keptAt > KEEP_EVERY) {
        keptAt = performance.now();
        this.hooks.keep(reply);
      }
      this.hooks.piece(reply);
    };
    let wait = 0;
    await new Promise((resolve) => setTimeout(resolve)); // what was said is shown in a task of its own
    try {
      wait = await draw(reply, messages, controller.signal, piece, this.hooks.away);
    } finally {
      this.running.delete(reply);
      if (wait) this.#wait(reply, messages, wait);
      else this.hooks.ended(reply);
      this.hooks.busy(this.isBusy);
    }
  }

  /** Stops all replies and keeps their text so far. */
  stop() {
    for (const controller of this.running.values()) controller.abort();
    const waiting = [...this.waiting.keys()];
    this.#clear();
    for (const reply of waiting) {
      Object.assign(reply, { state: "stopped", note: "" });
      this.hooks.ended(reply);
    }
    this.hooks.busy(this.isBusy);
  }

  /** Several refusals are said once, and tried again together when the last one's time has come. */
  #wait(reply, messages, seconds) {
    this.waiting.set(reply, messages);
    this.until = Math.max(this.until, Date.now() + seconds * 1000);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#again(), this.until - Date.now());
    this.hooks.piece(reply);
    this.hooks.refused([...this.waiting.keys()], this.until, () => this.#again());
  }

  #again() {
    const waiting = [...this.waiting];
    this.#clear();
    for (const [reply, messages] of waiting) {
      restart(reply, reply.begun);
      this.hooks.piece(reply);
      this.start(reply, messages);
    }
  }

  #clear() {
    clearTimeout(this.timer);
    this.until = 0;
    if (!this.waiting.size) return;
    this.waiting.clear();
    this.hooks.refused([], 0, null);
  }

  /** Keeps the text so far when the page is closed or left, so that it can be continued. */
  #interrupt() {
    for (const reply of [...this.running.keys(), ...this.waiting.keys()]) this.hooks.keep(reply, true);
  }
}
