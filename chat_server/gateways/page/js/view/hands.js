// Above the people: for moderators the queue of hands, for others their own hand; and who has the
// floor.

import { button, h, icon, onceAFrame } from "../dom.js";
import { Room } from "../state/room.js";
import { shown } from "../state/text.js";

const AGES = 30_000; // ms between two looks at how long hands are up

export class Hands {
  #element;
  #store;
  #actions;
  #update = onceAFrame(() => this.#show());

  /**
   * @param {HTMLElement} element - to fill.
   * @param {Store} store - has the rooms.
   * @param {object} actions - `floor(nick)`, `run(line)`, `ask()`.
   */
  constructor(element, store, actions) {
    this.#element = element;
    this.#store = store;
    this.#actions = actions;
    for (const event of ["people", "place", "places", "role"]) store.on(event, this.#update);
    setInterval(this.#update, AGES);
  }

  #show() {
    const room = this.#store.current;
    const isRoom = room instanceof Room;
    const content = isRoom ? (this.#store.inCharge ? this.#queue(room) : this.#own(room)) : [];
    const state = content.map((node) => node.textContent).join("\n");
    if (this.#element.dataset.state === state) return;
    this.#element.dataset.state = state;
    this.#element.replaceChildren(...content);
  }

  #queue(room) {
    if (!room.hands.length && !room.floor) return [];
    const next = button(room.hands.length ? "Next" : "Take the floor back", () => this.#actions.run("/next"), { class: "small primary" });
    const title = h("h2", {}, `Hands up: ${room.hands.length}`);
    const rows = room.hands.map((nick) => this.#row(room, nick));
    return [h("div.queue-head", {}, title, next), ...floorLine(room), h("ol", {}, ...rows)];
  }

  #row(room, nick) {
    const { time, question = "" } = room.asked.get(nick) ?? {};
    const age = time ? h("small", {}, ageOf(time)) : null;
    const row = h("li", {}, h("div.asked", {}, h("bdi", {}, shown(nick)), age, question ? h("p", { dir: "auto" }, shown(question)) : null));
    if (!room.frozen) return row;
    const floor = button("Let speak", () => this.#actions.floor(nick), { class: "small" });
    floor.setAttribute("aria-label", `Let ${nick} speak`);
    row.append(floor);
    return row;
  }

  #own(room) {
    if (!room.handUp) {
      const ask = button("", () => this.#actions.ask(), { class: "small" });
      ask.append(icon("hand"), "Ask a question");
      return [...floorLine(room), ask];
    }
    const place = h("p", {}, `Your hand is up: number ${room.place}`);
    const question = room.question ? h("p.own-question", { dir: "auto" }, shown(room.question)) : null;
    const down = button("Take your hand down", () => this.#actions.run("/hand down"), { class: "small" });
    return [...floorLine(room), place, ...(question ? [question] : []), down];
  }
}

function floorLine({ floor }) {
  if (!floor) return [];
  return [h("p.floor", { dir: "auto" }, `${shown(floor.nick)} has the floor${floor.question ? `: ${shown(floor.question)}` : ""}`)];
}

function ageOf(time) {
  const minutes = Math.floor((Date.now() / 1000 - time) / 60);
  if (minutes < 1) return "now";
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
