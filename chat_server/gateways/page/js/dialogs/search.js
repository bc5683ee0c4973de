// Searching in a room: a bar above the messages, with what was found, newest first.

import { button, byId, h, iconButton } from "../dom.js";
import { Room } from "../state/room.js";
import { hue, shown } from "../state/text.js";
import { iso, moment } from "../state/time.js";

export class Search {
  #session;
  #store;
  #reveal;
  #input = h("input", { type: "search", "aria-label": "Search in this room", placeholder: "Words, or beginnings of words" });
  #found = h("ol.results", { "aria-label": "Found messages" });
  #state = h("p.state", { role: "status" });
  #more = button("Earlier ones", () => this.#ask(), { class: "small" });
  #query = "";
  #before = undefined;

  /** `reveal(seq)` goes to a message. */
  constructor(session, store, reveal) {
    this.#session = session;
    this.#store = store;
    this.#reveal = reveal;
    const form = h("form.search-form", { role: "search" }, this.#input, h("button.primary", { type: "submit" }, "Search"));
    form.append(iconButton("close", "Close the search", () => this.close()));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    byId("search").append(form, this.#state, this.#found, this.#more);
    this.#more.hidden = true;
    store.on("place", () => this.close());
  }

  get isOpen() {
    return !byId("search").hidden;
  }

  /** Open it, and look for something if there is a query. */
  open(query = "") {
    if (!(this.#store.current instanceof Room)) return;
    byId("search").hidden = false;
    this.#input.value = query || this.#input.value;
    this.#input.focus();
    this.#input.select();
    if (query) this.#begin();
  }

  close() {
    byId("search").hidden = true;
    this.#found.replaceChildren();
    this.#state.textContent = "";
    this.#more.hidden = true;
  }

  #begin() {
    this.#query = this.#input.value.trim();
    this.#before = undefined;
    this.#found.replaceChildren();
    if (this.#query) this.#ask();
  }

  async #ask() {
    const room = this.#store.current;
    const query = this.#query;
    this.#state.textContent = "Searching …";
    try {
      const what = { room: room.name, query, before: this.#before, limit: 30 };
      const page = await this.#session.request("search", what);
      if (query !== this.#query || room !== this.#store.current) return;
      this.#found.append(...page.messages.reverse().map((message) => this.#row(message)));
      this.#before = page.messages.at(-1)?.seq;
      this.#more.hidden = !page.more;
      const count = this.#found.children.length;
      this.#state.textContent = count ? `${count}${page.more ? " so far" : ""} found, newest first` : "Nothing found.";
    } catch (error) {
      this.#state.textContent = error.message;
    }
  }

  #row(message) {
    const go = button("", () => this.#reveal(message.seq), { class: "result" });
    const time = h("time", { datetime: iso(message.time) }, moment(message.time));
    go.append(h(`bdi.name.hue-${hue(message.from)}`, {}, shown(message.from)), h("span.text", { dir: "auto" }, shown(message.text)), time);
    return h("li", {}, go);
  }
}
