// Going to a room or a person by name, and entering rooms: what is typed narrows the list.

import { button, h } from "../dom.js";
import { Room } from "../state/room.js";
import { fold, shown } from "../state/text.js";
import { openDialog } from "./dialog.js";

const MOST = 50; // entries that are listed at once
const NAME = /^[a-z0-9._-]{1,50}$/;

/**
 * Open it.
 *
 * @param {object} app - what commands work on.
 * @param {boolean} all - whether to list the rooms that the user is not in, too.
 */
export function openSwitcher({ session, store, look, enter }, all = true) {
  const input = h("input", { type: "search", "aria-label": "Room or person", placeholder: "Room or person", autocomplete: "off" });
  const list = h("ul.found");
  let others = [];
  let chosen = 0;
  const dialog = openDialog("Go to", input, list);
  input.addEventListener("input", () => show(0));
  input.addEventListener("keydown", (event) => key(event));
  show(0);
  if (all) load();
  input.focus();

  async function load() {
    let after;
    for (;;) {
      const page = await session.request("rooms", { after }).catch(() => null);
      if (!page || !dialog.open) return;
      others = [...others, ...page.rooms.filter(({ room }) => !store.rooms.has(room))];
      show(chosen);
      if (!page.more) return;
      after = page.rooms.at(-1).room;
    }
  }

  function entries() {
    const wanted = fold(input.value.trim().replace(/^[#@]/, ""));
    const known = store.places.map((place) => ({
      name: place instanceof Room ? `#${place.name}` : shown(place.nick),
      detail: place.unread ? `${place.unread} unread` : "",
      go: () => look(place),
    }));
    const rooms = others.map(({ room, members, topic }) => ({
      name: `#${room}`,
      detail: `${members} here${topic ? ` · ${shown(topic)}` : ""}`,
      go: () => enter(room),
    }));
    const people = store.current instanceof Room && wanted ? store.people.beginningWith(wanted, store.current) : [];
    const nicks = people.map((nick) => ({ name: shown(nick), detail: "direct message", go: () => look(store.conversation(nick)) }));
    const found = [...known, ...rooms, ...nicks].filter((entry) => fold(entry.name).includes(wanted));
    const exact = found.some((entry) => entry.name === `#${wanted}`);
    if (NAME.test(wanted) && !exact) found.push({ name: `#${wanted}`, detail: "new room", go: () => enter(wanted) });
    return found.slice(0, MOST);
  }

  function show(index) {
    const found = entries();
    chosen = Math.min(index, found.length - 1);
    const rows = found.map((entry, number) => {
      const open = button("", () => pick(entry), { class: "entry" });
      open.append(h("bdi", {}, entry.name), h("small", {}, entry.detail));
      return h("li", { class: number === chosen ? "chosen" : null }, open);
    });
    list.replaceChildren(...rows);
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  }

  function pick(entry) {
    dialog.close();
    entry.go();
  }

  function key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const count = list.children.length;
    if (step && count) {
      event.preventDefault();
      show((chosen + step + count) % count);
    } else if (event.key === "Enter") {
      event.preventDefault();
      list.children[Math.max(chosen, 0)]?.querySelector("button").click();
    }
  }
}
