// Storage of this browser, by names that begin with "dann.". Nothing of it is sent anywhere.

const PREFIX = "dann.";
const UNSAVED = new Map(); // what a browser without storage, or a full one, holds for this visit

/** The value kept under a name, or `otherwise`, also where the browser stores nothing. */
export function load(name, otherwise = null) {
  if (UNSAVED.has(name)) return UNSAVED.get(name);
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keeps a value under a name; false where there is no room, or no storage: it then lasts for this visit. */
export function save(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
    UNSAVED.delete(name);
    return true;
  } catch {
    UNSAVED.set(name, value);
    return false;
  }
}

/** Saves what did not fit before; false if some of it still does not. */
export function flush() {
  return [...UNSAVED].every(([name, value]) => save(name, value));
}

/** Deletes a value. */
export function erase(name) {
  UNSAVED.delete(name);
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // A browser without storage has nothing to delete.
  }
}

/** Whether a value is in the browser's storage. */
export function has(name) {
  try {
    return localStorage.getItem(PREFIX + name) !== null;
  } catch {
    return false;
  }
}

/** All names that begin with `start`. */
export function names(start) {
  const found = new Set([...UNSAVED.keys()].filter((name) => name.startsWith(start)));
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX + start)) found.add(key.slice(PREFIX.length));
    }
  } catch {
    // A browser without storage has no names.
  }
  return [...found];
}

/** The characters that are stored. */
export function stored() {
  try {
    return Object.entries(localStorage).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  } catch {
    return 0;
  }
}

/**
 * Calls `handle(name, value)` when another tab keeps or deletes (null) a value; the name is null where all are deleted.
 */
export function watch(handle) {
  addEventListener("storage", ({ key, newValue, storageArea }) => {
    if (storageArea !== localStorage) return;
    if (key === null) handle(null, null);
    else if (key.startsWith(PREFIX)) handle(key.slice(PREFIX.length), newValue === null ? null : parsed(newValue));
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
