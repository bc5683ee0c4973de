// The head of the current place: its name, its topic, and what can be done there.

import { button, byId, h, icon, iconButton, onceAFrame } from "../dom.js";
import { Room } from "../state/room.js";
import { shown } from "../state/text.js";

export class Header {
  #store;
  #actions;
  #update = onceAFrame(() => this.#show());

  /**
   * @param {Store} store - has the places.
   * @param {object} actions - `menu()`, `search()`, `people()`, `topic()`, `room()`.
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    for (const event of ["places", "place", "people", "role"]) store.on(event, this.#update);
  }

  #show() {
    const place = this.#store.current;
    const header = byId("header");
    const others = this.#store.places.filter((each) => each !== place && each.unread);
    const news = others.length > 0;
    const state = [place?.key, place?.topic, place?.members, place?.frozen, place?.hands?.length, place?.rules?.read_only, place?.rules?.invite_only, news, this.#store.role];
    if (header.dataset.state === state.join("\n")) return;
    header.dataset.state = state.join("\n");
    const menu = iconButton("menu", news ? "Rooms; some have unread messages" : "Rooms", () => this.#actions.menu());
    menu.classList.add("menu-button");
    menu.classList.toggle("news", news);
    header.replaceChildren(menu, this.#title(place), ...this.#buttons(place));
  }

  #title(place) {
    if (!place) return h("div.title", {}, h("h1", {}, "No room"));
    if (!(place instanceof Room)) return h("div.title", {}, h("h1", {}, h("bdi", {}, shown(place.nick))));
    const marks = place.frozen ? [h("span.tag.cold", {}, icon("snow"), "frozen")] : [];
    if (place.rules?.read_only) marks.push(h("span.tag", { title: "read only" }, icon("lock"), "read only"));
    if (place.rules?.invite_only) marks.push(h("span.tag", { title: "invite only" }, icon("lock"), "invite only"));
    const topic = button("", () => this.#actions.topic(), { class: "topic", title: "Change the topic" });
    topic.append(h("bdi", {}, shown(place.topic).replaceAll("\n", " ") || "Set a topic"));
    topic.classList.toggle("empty", !place.topic);
    const name = h("h1", {}, h("span", {}, h("span.sign", {}, "#"), place.name), ...marks);
    return h("div.title", {}, name, topic);
  }

  #buttons(place) {
    if (!(place instanceof Room)) return [];
    const people = iconButton("people", `Who is here: ${place.members}`, () => this.#actions.people());
    people.classList.add("people-button");
    people.append(h("span.count", {}, String(place.members)));
    const hands = place.hands.length;
    if (hands) people.append(h("span.hands", { title: `${hands} hands up` }, icon("hand"), String(hands)));
    const buttons = [iconButton("search", "Search in this room", () => this.#actions.search()), people];
    if (this.#store.inCharge) {
      buttons.unshift(iconButton("shield", "Moderate this room", () => this.#actions.room()));
    }
    return buttons;
  }
}
