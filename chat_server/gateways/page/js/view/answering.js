// What the next line answers: a message that was chosen, shown above the message field.

import { byId, h, iconButton } from "../dom.js";
import { shown } from "../state/text.js";

export class Answering {
  #seq;
  #element = h("p.answering", { hidden: true, "aria-live": "polite" });

  /** @param {Store} store - says when another place is looked at. */
  constructor(store) {
    byId("composer").prepend(this.#element);
    store.on("place", () => this.clear());
  }

  /** Whether something is chosen. */
  get active() {
    return this.#seq !== undefined;
  }

  /** Let the next line answer a message. */
  choose({ seq, from, text }) {
    this.#seq = seq;
    const words = `Reply to ${shown(from)}: ${shown(text)}`.replaceAll("\n", " ");
    const close = iconButton("close", "Reply to nothing", () => this.clear());
    this.#element.replaceChildren(h("bdi", {}, words), close);
    this.#element.hidden = false;
  }

  /** Return the seq that is answered, for the line that is said now; undefined if none is. */
  take() {
    const seq = this.#seq;
    this.clear();
    return seq;
  }

  /** Let the next line answer nothing. */
  clear() {
    this.#seq = undefined;
    this.#element.hidden = true;
    this.#element.replaceChildren();
  }
}
