// The lists of rooms and of direct conversations, and who the user is.

import { byId, h, iconButton, keyedList, onceAFrame, setAttribute } from "../dom.js";
import { Room } from "../state/room.js";
import { hue, initials, shown } from "../state/text.js";

const MOST = 99; // what a badge shows at the most

export class Sidebar {
  #store;
  #actions;
  #rooms = byId("room-list");
  #conversations = byId("conversation-list");
  #update = onceAFrame(() => this.#show());

  /**
   * @param {Store} store - has the places.
   * @param {object} actions - `look(place)`, `close(place)`, `browse()`, `settings()`, `help()`.
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    byId("room-actions").append(iconButton("plus", "Join a room", () => actions.browse()));
    for (const event of ["places", "place", "role"]) store.on(event, this.#update);
  }

  #show() {
    const { rooms, conversations } = this.#store;
    this.#list(this.#rooms, [...rooms.values()]);
    this.#list(this.#conversations, [...conversations.values()]);
    byId("direct-head").hidden = conversations.size === 0;
    this.#showSelf();
  }

  #list(list, places) {
    keyedList(list, places, (place) => place, (place) => this.#make(place), (row, place) => this.#fill(row, place));
  }

  #make(place) {
    const label = h("span.label");
    const open = h("button.place", { type: "button", on: { click: () => this.#actions.look(place) } });
    const sign =
      place instanceof Room
        ? h("span.sign", { "aria-hidden": "true" }, "#")
        : h(`span.avatar.small.hue-${hue(place.nick)}`, { "aria-hidden": "true" }, initials(place.nick));
    open.append(sign, label, h("span.badge"));
    const close = iconButton("close", "", () => this.#actions.close(place), { class: "close icon-button" });
    return h("li", {}, open, close);
  }

  #fill(row, place) {
    const [open, close] = row.children;
    const [, label, badge] = open.children;
    const name = place instanceof Room ? place.name : shown(place.nick);
    label.textContent = name;
    const current = place === this.#store.current;
    row.className = [current ? "current" : "", place.unread ? "unread" : "", place.mentioned ? "named" : ""].join(" ");
    setAttribute(open, "aria-current", current ? "true" : null);
    badge.textContent = place.unread ? (place.unread > MOST ? `${MOST}+` : String(place.unread)) : "";
    const news = place.unread ? `, ${place.unread} unread${place.mentioned ? ", you are named" : ""}` : "";
    open.setAttribute("aria-label", `${place instanceof Room ? "Room" : "Messages with"} ${name}${news}`);
    const leave = place instanceof Room ? `Leave #${name}` : `Close the messages with ${name}`;
    close.setAttribute("aria-label", leave);
    close.title = leave;
  }

  #showSelf() {
    const { nick, role, away } = this.#store;
    const self = byId("self");
    const state = [nick, role, away].join();
    if (self.dataset.state === state) return;
    self.dataset.state = state;
    const what = [role === "member" ? "" : role, away === null ? "" : "away"].filter(Boolean).join(", ");
    const open = h("button.me", { type: "button", title: "Your nick, account and settings" });
    open.addEventListener("click", () => this.#actions.settings());
    open.append(
      h(`span.avatar.hue-${hue(nick)}`, { "aria-hidden": "true" }, initials(shown(nick))),
      h("span.me-name", {}, h("bdi", {}, shown(nick)), what ? h("small", {}, what) : null),
    );
    self.replaceChildren(
      open,
      iconButton("help", "Help: keys and commands", () => this.#actions.help()),
      iconButton("settings", "Settings", () => this.#actions.settings()),
    );
  }
}
