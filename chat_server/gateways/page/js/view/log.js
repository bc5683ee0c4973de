// The scrolling log of the current place: it follows the end, reads older and newer parts as
// somebody scrolls there, and keeps what is being read where it is.

import { button, h, icon, onceAFrame } from "../dom.js";
import { Room } from "../state/room.js";
import { Entries } from "./entries.js";

const NEAR = 40; // pixels from the end at which the reader counts as being there
const AHEAD = 1500; // pixels from an edge at which more is read
const SETTLING = 1000; // ms after a change in front until new messages are announced again

export class Log {
  #scroller;
  #beginning;
  #jumps;
  #store;
  #history;
  #entries;
  #unsent;
  #place = null;
  #settled = null;
  #seenMarker = false;
  #seen = { top: 0, size: "" }; // where the scroller stood, and how large it was, at the last look
  #update = onceAFrame(() => this.#show());

  /**
   * @param {object} elements - `scroller`, `beginning`, `messages`, `jumps`.
   * @param {Store} store - has the places.
   * @param {History} history - reads parts of logs.
   * @param {Unsent} unsent - shows what did not arrive yet.
   */
  constructor({ scroller, beginning, messages, jumps }, store, history, unsent) {
    this.#scroller = scroller;
    this.#beginning = beginning;
    this.#jumps = jumps;
    this.#store = store;
    this.#history = history;
    this.#entries = new Entries(messages, store);
    this.#unsent = unsent;
    store.on("log", this.#update);
    store.on("place", this.#update);
    store.on("said", () => this.jumpToEnd());
    scroller.addEventListener("scroll", onceAFrame(() => this.#scrolled()), { passive: true });
    scroller.addEventListener("keydown", (event) => this.#key(event));
    // The field below grows, the phone's keyboard opens, an image is higher than was said: the end
    // stays in sight.
    const sizes = new ResizeObserver(() => this.#place?.following && this.#toEnd());
    sizes.observe(scroller);
    sizes.observe(messages);
  }

  /** Go to the end of the log, wherever that is. */
  async jumpToEnd() {
    const place = this.#store.current;
    if (!place) return;
    await this.#history.latest(place);
    if (place !== this.#store.current) return;
    place.following = true;
    this.#show();
    this.#toEnd();
  }

  /** Go to a message, and let it be seen which one it is. */
  async reveal(seq) {
    const place = this.#place;
    const found = await this.#history.around(place, seq);
    if (place !== this.#place) return;
    if (!found) {
      this.#store.note(`There is no message ${seq} here, or it is no longer kept.`);
      return;
    }
    place.following = false;
    this.#show();
    const item = this.#entries.item(seq);
    item.scrollIntoView({ block: "center" });
    item.focus({ preventScroll: true });
    item.classList.add("sought");
    setTimeout(() => item.classList.remove("sought"), 2500);
    this.#scrolled();
  }

  /** Go back by so many messages. */
  async back(count) {
    const place = this.#place;
    const last = place.heard;
    await this.reveal(Math.max(place.oldestKept || 1, last - count + 1));
  }

  /** Scroll by pages; for keys that are pressed in the message field. */
  page(direction) {
    this.#scroller.scrollBy({ top: direction * this.#scroller.clientHeight * 0.85 });
  }

  #show() {
    const place = this.#store.current;
    const anew = place !== this.#place;
    this.#place = place;
    if (anew) this.#seenMarker = false;
    const follows = place?.following ?? true;
    const anchor = follows ? null : this.#anchor();
    const changed = this.#entries.show(place);
    if (changed === "all" || changed === "front" || !follows || this.#isPast(place)) this.#hush();
    this.#unsent.show(place);
    this.#beginning.replaceChildren(...this.#beginningOf(place));
    if (anew) this.#arrive();
    else if (follows) this.#toEnd();
    else this.#restore(anchor);
    this.#showJumps();
    this.#store.markRead();
    if (changed) this.#readMore();
  }

  // The first item in sight, and where it is, so that it can be put there again.
  #anchor() {
    const top = this.#scroller.getBoundingClientRect().top;
    for (const item of this.#entries.items) {
      const box = item.getBoundingClientRect();
      if (box.bottom > top) return { item, offset: box.top };
    }
    return null;
  }

  #restore(anchor) {
    if (!anchor?.item.isConnected) return;
    const moved = anchor.item.getBoundingClientRect().top - anchor.offset;
    if (Math.abs(moved) >= 1) this.#scroller.scrollTop += moved;
  }

  // A place was chosen: show what is new in it, or its end.
  #arrive() {
    this.#toEnd();
    const { marker } = this.#entries;
    if (!marker || !this.#place) return;
    const box = this.#scroller.getBoundingClientRect();
    if (marker.getBoundingClientRect().top >= box.top) return;
    this.#scroller.scrollTop += marker.getBoundingClientRect().top - box.top - box.height / 4;
    this.#place.following = this.#isAtEnd();
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#look();
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#seen = { top: scrollTop, size: `${scrollHeight} ${clientHeight}` };
  }

  // Whether somebody scrolled up. Where a size changed, it may be that alone that moved the top.
  #wentUp() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollTop < this.#seen.top - 1 && this.#seen.size === `${scrollHeight} ${clientHeight}`;
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  #scrolled() {
    if (!this.#place || this.#place !== this.#store.current) return;
    if (this.#isAtEnd()) this.#place.following = this.#place.atEnd;
    else if (this.#wentUp()) this.#place.following = false;
    this.#look();
    this.#store.markRead();
    this.#showJumps();
    this.#readMore();
  }

  #readMore() {
    const place = this.#place;
    if (!place || this.#history.isReading(place)) return;
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    if (scrollTop < AHEAD && !place.atStart) this.#history.older(place);
    else if (!place.atEnd && scrollHeight - scrollTop - clientHeight < AHEAD) this.#history.newer(place);
  }

  // What is put in front, or was said long ago, is not read aloud.
  #hush() {
    this.#scroller.setAttribute("aria-live", "off");
    clearTimeout(this.#settled);
    this.#settled = setTimeout(() => {
      this.#scroller.setAttribute("aria-live", this.#place?.following ? "polite" : "off");
    }, SETTLING);
  }

  #isPast(place) {
    return place instanceof Room && (!place.entered || place.heard < place.past);
  }

  #beginningOf(place) {
    if (!place) return [h("p", {}, "You are in no room. Choose one on the left, or type /join ROOM.")];
    if (!(place instanceof Room)) {
      const text = `What you and ${place.nick} tell each other is gone when this page is closed. The server keeps only what is for one of you who is away.`;
      return [h("p", {}, text)];
    }
    if (!place.entered && !place.messages.length) return [h("p", {}, "One moment …")];
    if (!place.atStart) return [h("p.loading", {}, "Earlier messages …")];
    if (place.oldestKept > 1) return [h("p", {}, "The server keeps no messages from before.")];
    const empty = !place.messages.length && !this.#store.unsent(place).length;
    return [
      h("h2", {}, `#${place.name}`),
      h("p", {}, empty ? "Nobody has said anything here yet. Say hello!" : "This is where the room begins."),
    ];
  }

  #showJumps() {
    const buttons = [];
    const place = this.#place;
    if (place && this.#markerIsAbove(place)) {
      const up = button("", () => this.reveal(this.#place.marker + 1), { class: "jump" });
      up.append(icon("up"), "To the first new message");
      buttons.push(up);
    }
    if (place && !(place.following && place.atEnd)) {
      const news = place.unread ? `${place.unread} new` : "To the end";
      const down = button("", () => this.jumpToEnd(), { class: "jump", "aria-label": `${news}: go to the end` });
      down.append(icon("down"), news);
      buttons.push(down);
    }
    const state = buttons.map((each) => each.textContent).join();
    if (state === this.#jumps.dataset.state) return;
    this.#jumps.dataset.state = state;
    this.#jumps.replaceChildren(...buttons);
  }

  #markerIsAbove(place) {
    if (place.marker === null || this.#seenMarker || !(place instanceof Room)) return false;
    const { marker } = this.#entries;
    if (!marker) return place.first !== null && place.marker + 1 < place.first;
    const top = this.#scroller.getBoundingClientRect().top;
    if (marker.getBoundingClientRect().bottom < top) return true;
    this.#seenMarker = true;
    return false;
  }

  // Enter goes into the list, Up and Down go through it.
  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const items = this.#entries.items.filter((item) => !item.hidden);
    const place = items.indexOf(document.activeElement);
    if (place < 0 && event.key === "Enter" && event.target === this.#scroller) {
      event.preventDefault();
      items.at(-1)?.focus();
    }
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (place < 0 || !step) return;
    event.preventDefault();
    items[place + step]?.focus();
  }
}
