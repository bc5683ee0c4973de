// The bar above the message field while a room is frozen, with the button that raises a hand.

import { button, byId, h, icon, onceAFrame } from "../dom.js";

export class Frozen {
  #store;
  #run;
  #update = onceAFrame(() => this.#show());

  /** `run` runs a command's line. */
  constructor(store, run) {
    this.#store = store;
    this.#run = run;
    for (const event of ["place", "people", "places", "role"]) store.on(event, this.#update);
  }

  #show() {
    const bar = byId("frozen");
    const room = this.#store.current;
    const frozen = Boolean(room?.frozen);
    const state = [frozen, this.#store.inCharge, room?.handUp].join();
    bar.hidden = !frozen;
    if (bar.dataset.state === state) return;
    bar.dataset.state = state;
    bar.replaceChildren(...(frozen ? this.#content(room) : []));
  }

  #content(room) {
    if (this.#store.inCharge) {
      const open = button("Let everybody talk", () => this.#run("/unfreeze"), { class: "small" });
      return [icon("snow"), h("span", {}, "The room is frozen: only moderators talk."), open];
    }
    const up = room.handUp;
    const hand = button("", () => this.#run(up ? "/hand down" : "/hand"), { class: "small hand", "aria-pressed": String(Boolean(up)) });
    hand.append(icon("hand"), up ? "Take your hand down" : "Raise your hand");
    return [icon("snow"), h("span", {}, "The room is frozen: moderators talk, and those they name."), hand];
  }
}
