// Keeps the list of messages in step with a place's window, and never makes an item anew that is
// there already: selections, focus and screen readers stay where they are.
//
// An entry is a message's item with what stands before it: a day line where the day changes, the
// line "new" behind what was read. The page's own lines stand behind the message that they followed.

import { h } from "../dom.js";
import { dayKey, dayName } from "../state/time.js";
import { localItem, updateLocal } from "./local_line.js";
import { messageItem } from "./message.js";

const TOGETHER = 300; // seconds within which messages of one person stand under one name

export class Entries {
  #list;
  #store;
  #entries = [];
  #locals = new Map(); // by key
  #marker = h("li.marker", {}, h("span", {}, "new"));
  #place = null;
  #generation = 0;
  #changed = 0;
  #nick = "";
  #images = false; // whether they are shown

  constructor(list, store) {
    this.#list = list;
    this.#store = store;
  }

  /** The item of the line "new", where it is on the page. */
  get marker() {
    return this.#marker.isConnected ? this.#marker : null;
  }

  /** The items of the messages, in order. */
  get items() {
    return this.#entries.map((entry) => entry.item);
  }

  /** The item of a message, or undefined. */
  item(seq) {
    return this.#entries.find((entry) => entry.message.seq === seq)?.item;
  }

  /**
   * Show a place's window.
   *
   * @returns {string} what changed: "all", "front", "end" (with nothing in front) or "".
   */
  show(place) {
    const anew =
      place !== this.#place || place?.generation !== this.#generation || this.#nick !== this.#store.nick;
    if (anew) this.#clear(place);
    if (!place) return "all";
    const before = this.#entries[0]?.message.seq;
    const end = this.#entries.at(-1)?.message.seq;
    this.#trim(place);
    this.#renew(place);
    const front = this.#addFront(place);
    this.#addEnd(place);
    this.#placeLocals(place);
    this.#dress(place);
    if (anew) return "all";
    if (front || before !== this.#entries[0]?.message.seq) return before === undefined ? "end" : "front";
    return end === this.#entries.at(-1)?.message.seq ? "" : "end";
  }

  #clear(place) {
    this.#place = place;
    this.#generation = place?.generation ?? 0;
    this.#changed = place?.changed ?? 0;
    this.#nick = this.#store.nick;
    this.#images = Boolean(place?.rules?.images);
    this.#entries = [];
    this.#locals.clear();
    this.#list.replaceChildren();
  }

  #make(message) {
    const answered = message.reply_to ? this.#place.message(message.reply_to) : null;
    return { message, item: messageItem(message, this.#nick, answered, this.#images), day: null };
  }

  // Make the items anew of messages that were changed since, and of images that are to be shown now.
  #renew(place) {
    const images = Boolean(place.rules?.images);
    const redraw = images !== this.#images;
    if (this.#changed === place.changed && !redraw) return;
    this.#changed = place.changed;
    this.#images = images;
    const latest = new Map(place.messages.map((message) => [message.seq, message]));
    for (const entry of this.#entries) {
      const message = latest.get(entry.message.seq);
      if (!message || (message === entry.message && !(redraw && message.image))) continue;
      const { item } = this.#make(message);
      entry.item.replaceWith(item);
      Object.assign(entry, { message, item });
    }
  }

  #trim({ messages, first, last }) {
    const gone = (entry) => !messages.length || entry.message.seq < first || entry.message.seq > last;
    const kept = [];
    for (const entry of this.#entries) {
      if (!gone(entry)) kept.push(entry);
      else [entry.item, entry.day].forEach((each) => each?.remove());
    }
    this.#entries = kept;
  }

  #addFront({ messages }) {
    if (!this.#entries.length) return false;
    const first = this.#entries[0];
    const older = messages.filter((message) => message.seq < first.message.seq);
    if (!older.length) return false;
    const made = older.map((message) => this.#make(message));
    const top = [first.day, first.item].find((each) => each?.isConnected);
    top.before(...made.map((entry) => entry.item));
    this.#entries = [...made, ...this.#entries];
    return true;
  }

  #addEnd({ messages }) {
    const end = this.#entries.at(-1)?.message.seq ?? 0;
    const newer = messages.filter((message) => message.seq > end);
    const made = newer.map((message) => this.#make(message));
    this.#list.append(...made.map((entry) => entry.item));
    this.#entries.push(...made);
  }

  // Put the page's own lines where they belong, and take away those whose place is not shown.
  #placeLocals(place) {
    const shown = new Set();
    const ends = new Map(); // the last node behind an entry so far
    for (const local of place.locals) {
      const entry = this.#entryOf(place, local.after);
      if (entry === undefined) continue;
      shown.add(local.key);
      const item = this.#localItem(local);
      const behind = ends.get(entry) ?? entry?.item ?? null;
      if (behind === null) {
        if (this.#list.firstChild !== item) this.#list.prepend(item);
      } else if (behind.nextSibling !== item) {
        behind.after(item);
      }
      ends.set(entry, item);
    }
    for (const [key, { item }] of this.#locals) {
      if (shown.has(key)) continue;
      item.remove();
      this.#locals.delete(key);
    }
  }

  // The entry behind which a line stands; null before all of them; undefined if it is not shown.
  #entryOf(place, after) {
    if (after > (place.last ?? 0) && !place.atEnd) return undefined;
    const entry = this.#entries.findLast((each) => each.message.seq <= after);
    if (entry) return entry;
    return place.atStart || !this.#entries.length ? null : undefined;
  }

  #localItem(local) {
    const known = this.#locals.get(local.key);
    if (known && known.version === local.version) return known.item;
    const item = known?.item ?? localItem(local);
    updateLocal(item, local);
    this.#locals.set(local.key, { item, version: local.version });
    return item;
  }

  // Set day lines, the line "new", names and what is hidden.
  #dress(place) {
    let marked = false;
    let before = null;
    for (const entry of this.#entries) {
      const { message, item } = entry;
      const newDay = !before || dayKey(before.message.time) !== dayKey(message.time);
      this.#setDay(entry, newDay);
      const first = place.marker !== null && !marked && message.seq > place.marker;
      if (first) {
        marked = true;
        if (item.previousSibling !== this.#marker) item.before(this.#marker);
      }
      item.hidden = message.from !== this.#nick && this.#store.hides(message.from);
      item.classList.toggle("continued", !newDay && !first && follows(before, entry));
      if (!item.hidden) before = entry;
    }
    if (!marked) this.#marker.remove();
  }

  #setDay(entry, wanted) {
    if (!wanted) {
      entry.day?.remove();
      entry.day = null;
    } else if (!entry.day) {
      const { time } = entry.message;
      entry.day = h("li.day", {}, h("span", {}, dayName(time)));
      const top = entry.item.previousSibling === this.#marker ? this.#marker : entry.item;
      top.before(entry.day);
    }
  }
}

// Whether a message goes on under the name of the one before.
function follows(before, { message, item }) {
  if (!before || item.previousElementSibling !== before.item) return false;
  const plain = message.kind === "text" && before.message.kind === "text";
  const soon = message.time - before.message.time < TOGETHER;
  const same = message.from === before.message.from && message.role === before.message.role;
  return plain && soon && same;
}
