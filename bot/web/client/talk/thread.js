// The turns on the page. Showing a tree changes the elements of what differs, and leaves all others as they are.

import { TurnView } from "./turn_view.js";
import { turnsOf } from "./turns.js";

/** The view of a conversation; `acts` has what the buttons do, `thinking` and `alternatives`. */
export class Thread {
  constructor(root, acts) {
    Object.assign(this, { root, acts, turns: [] });
    this.views = new Map(); // by the id of your message
  }

  show(tree) {
    this.turns = turnsOf(tree);
    const shown = new Map(
      this.turns.map((turn) => [turn.said.id, this.views.get(turn.said.id) ?? new TurnView(this.acts)]),
    );
    for (const [id, view] of this.views) if (!shown.has(id)) view.element.remove();
    this.views = shown;
    let after = null;
    for (const turn of this.turns) {
      const { element } = shown.get(turn.said.id).show(turn);
      const wanted = after ? after.nextSibling : this.root.firstChild;
      if (wanted !== element) this.root.insertBefore(element, wanted);
      after = element;
    }
  }

  /** Shows all replies as they are now. */
  update() {
    for (const view of this.views.values()) view.update();
  }

  /** The view of a reply; undefined where it is not shown. */
  replyView(reply) {
    return this.views.get(reply.parent)?.replies.get(reply.id);
  }

  /** Which of how many answers side by side a reply is. */
  place(reply) {
    const shown = this.turns.find(({ said }) => said.id === reply.parent)?.shown ?? [];
    return { number: shown.indexOf(reply) + 1, of: shown.length };
  }

  /** Says once, below the last turn, that replies are refused until a time; nothing for none. */
  refusal(replies, until, again) {
    for (const view of this.views.values()) view.refusal.show([], 0, null);
    if (replies.length) this.views.get(replies[0].parent)?.refusal.show(replies, until, again);
  }
}
