// A conversation as a tree: your messages, below each the answers to it, below an answer what you said next. Pure.

export const ROOT = "";

let made = 0;

/** An id that no other tab makes; ids of one tab sort by time. */
export function newId() {
  const time = Date.now().toString(36).padStart(9, "0");
  const chance = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
  return `${time}${(made++ % 46656).toString(36).padStart(3, "0")}${chance}`;
}

/** A message of yours below an answer, or below ROOT. */
export const saidNode = (parent, text) => ({ id: newId(), parent, at: Date.now(), mine: false, text });

/** Messages by id, with the child that is shown below each. */
export class Tree {
  /** `picks`: the id of the child that is shown below a message, for those whose newest child is not. */
  constructor(nodes = [], picks = {}) {
    this.nodes = new Map();
    this.below = new Map();
    this.picks = picks;
    for (const node of nodes) this.add(node);
  }

  get(id) {
    return this.nodes.get(id);
  }

  /** Adds a message; one that is known already stays as it is. */
  add(node) {
    if (this.nodes.has(node.id)) return;
    this.nodes.set(node.id, node);
    const siblings = this.below.get(node.parent) ?? [];
    const later = siblings.findIndex((other) => order(node, other) < 0);
    siblings.splice(later < 0 ? siblings.length : later, 0, node);
    this.below.set(node.parent, siblings);
  }

  children(id) {
    return this.below.get(id) ?? [];
  }

  siblings(node) {
    return this.children(node.parent);
  }

  /** The child that is shown below a message; undefined where it has none. */
  shown(id) {
    const children = this.children(id);
    return children.find((child) => child.id === this.picks[id]) ?? children.at(-1);
  }

  /** The messages that are shown, from the first to the last. */
  path() {
    const path = [];
    for (let node = this.shown(ROOT); node; node = this.shown(node.id)) path.push(node);
    return path;
  }

  /** The messages above one, the first at the beginning, and itself. */
  pathTo(node) {
    const path = [];
    for (let one = node; one; one = this.nodes.get(one.parent)) path.unshift(one);
    return path;
  }

  /** Shows a message, and what is above it; true where that changes a pick. */
  pick(node) {
    const before = JSON.stringify(this.picks);
    for (const { parent, id } of this.pathTo(node)) {
      if (this.children(parent).length > 1 || this.picks[parent]) this.picks[parent] = id;
    }
    return JSON.stringify(this.picks) !== before;
  }
}

const order = (one, other) => one.at - other.at || (one.id < other.id ? -1 : 1);
