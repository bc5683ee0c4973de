// What stands at the top of the room: a line for each pinned message, which leads to it.

import { button, byId, h, iconButton, onceAFrame } from "../dom.js";
import { inBrief, shown } from "../state/text.js";

export class Pins {
  #store;
  #actions;
  #update = onceAFrame(() => this.#show());

  /** `actions` has `reveal` (a seq) and `run` (a command's line). */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    for (const event of ["place", "pins", "role"]) store.on(event, this.#update);
  }

  #show() {
    const pins = this.#store.current?.pins ?? [];
    const list = byId("pins");
    list.hidden = !pins.length;
    list.replaceChildren(...pins.map((pin) => this.#item(pin)));
  }

  #item({ seq, from, text }) {
    const lead = button("", () => this.#actions.reveal(seq), { class: "pin", title: `Message ${seq}` });
    lead.append(h("bdi", {}, shown(from)), ` ${inBrief(text)}`);
    const unpin = () => this.#actions.run(`/unpin ${seq}`);
    return h("li", {}, lead, this.#store.inCharge ? iconButton("close", "Unpin", unpin) : null);
  }
}
