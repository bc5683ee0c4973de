// Who is in the current room, and above them the hands.

import { button, byId, h, iconButton, keyedList, onceAFrame } from "../dom.js";
import { Room } from "../state/room.js";
import { fold, hue, initials, shown } from "../state/text.js";
import { badge } from "./badge.js";
import { Hands } from "./hands.js";

const MOST = 300; // people that are listed at once; the field above finds the others

export class Members {
  #store;
  #actions;
  #filter = h("input.filter", { type: "search", placeholder: "Find somebody", "aria-label": "Find somebody" });
  #list = h("ul.nicks");
  #hands = h("div.hands-up");
  #head = h("h2");
  #more = h("p.more");
  #update = onceAFrame(() => this.#show());

  /**
   * @param {Store} store - knows who is here.
   * @param {object} actions - `person(nick)`, `close()`; and those of Hands.
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#filter.addEventListener("input", this.#update);
    const close = iconButton("close", "Close", () => actions.close(), { class: "icon-button drawer-close" });
    const head = h("div.list-head", {}, this.#head, close);
    byId("people").append(head, this.#hands, this.#filter, this.#list, this.#more);
    new Hands(this.#hands, store, actions);
    for (const event of ["people", "place", "role"]) store.on(event, this.#update);
  }

  #show() {
    const room = this.#store.current;
    const isRoom = room instanceof Room;
    byId("app").classList.toggle("no-people", !isRoom);
    if (!isRoom) return;
    this.#head.textContent = `Here: ${room.members}`;
    const wanted = fold(this.#filter.value.trim());
    const all = this.#store.people.in(room).filter((nick) => fold(nick).includes(wanted));
    this.#filter.hidden = room.members < 15;
    const shownNow = all.slice(0, MOST);
    keyedList(this.#list, shownNow, (nick) => nick, (nick) => this.#make(nick), (row, nick) => this.#fill(row, nick));
    this.#more.textContent = all.length > MOST ? `and ${all.length - MOST} more` : "";
  }

  #make(nick) {
    const open = button("", () => this.#actions.person(nick), { class: "person" });
    open.append(
      h(`span.avatar.small.hue-${hue(nick)}`, { "aria-hidden": "true" }, initials(shown(nick))),
      h("bdi", {}, shown(nick)),
      h("span.ranks"),
      h("small.own"),
    );
    return h("li", {}, open);
  }

  #fill(row, nick) {
    row.querySelector("small").textContent = nick === this.#store.nick ? "you" : "";
    const own = nick === this.#store.nick && this.#store.role;
    const role = own || (this.#store.current.roles.get(fold(nick)) ?? "member");
    const ranks = row.querySelector(".ranks");
    if (ranks.dataset.role === role) return;
    ranks.dataset.role = role;
    ranks.replaceChildren(...[badge(role)].filter(Boolean));
  }
}
