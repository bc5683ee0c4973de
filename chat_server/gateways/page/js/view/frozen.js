// The bar above the message field: why the user may not talk here, or only now and then, and what
// they can do about it.

import { button, byId, h, icon, onceAFrame } from "../dom.js";
import { spoken } from "../commands/durations.js";
import { Room } from "../state/room.js";
import { moment } from "../state/time.js";

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
    const room = this.#store.current instanceof Room ? this.#store.current : null;
    const rules = room?.rules;
    const state = [room?.name, room?.frozen, this.#store.inCharge, room?.handUp, JSON.stringify(rules)].join();
    if (bar.dataset.state === state) return;
    bar.dataset.state = state;
    const content = room ? this.#content(room) : null;
    bar.hidden = !content;
    bar.replaceChildren(...(content ?? []));
  }

  // What stands in the bar; null where nothing is to be said.
  #content(room) {
    const { speak = true, why = "", slow = 0 } = room.rules ?? {};
    if (this.#store.inCharge) return room.frozen ? this.#thaw() : null;
    if (!speak && why !== "frozen") return [icon(why === "muted" ? "close" : "lock"), words(room.rules)];
    if (!speak || (room.frozen && !room.rules)) return this.#ask(room);
    if (room.frozen) return [icon("snow"), h("span", {}, "The room is frozen. You have the floor: go ahead.")];
    return slow ? [icon("snow"), h("span", {}, `Slow mode: one message every ${spoken(slow)}.`)] : null;
  }

  #thaw() {
    const open = button("Let everybody talk", () => this.#run("/unfreeze"), { class: "small" });
    return [icon("snow"), h("span", {}, "The room is frozen: only moderators talk."), open];
  }

  #ask(room) {
    const up = room.handUp;
    const hand = button("", () => this.#run(up ? "/hand down" : "/hand"), { class: "small hand", "aria-pressed": String(Boolean(up)) });
    hand.append(icon("hand"), up ? "Take your hand down" : "Raise your hand");
    return [icon("snow"), h("span", {}, "The room is frozen: moderators talk, and those they name."), hand];
  }
}

function words({ text, until }) {
  const sentence = `${text[0].toUpperCase()}${text.slice(1)}`;
  return h("span", {}, until ? `${sentence}, until ${moment(until)}` : sentence);
}
