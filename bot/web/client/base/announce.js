// What screen readers read out: a log, whose lines they read one after another.

import { byId, el } from "./dom.js";

/** Adds a line. */
export const announce = (text) => byId("heard").append(el("p", { text }));

/** Empties the log before the next answers. */
export const hush = () => byId("heard").replaceChildren();
