// The lines of the current place that did not arrive yet, with what can be done about them.

import { button, h, keyedList } from "../dom.js";
import { unsentItem } from "./message.js";

export class Unsent {
  #list;
  #store;
  #online;
  #edit;

  /**
   * @param {HTMLElement} list - where they are shown.
   * @param {Store} store - has them.
   * @param {function} online - whether there is a connection.
   * @param {function} edit - puts a text into the message field.
   */
  constructor(list, store, online, edit) {
    this.#list = list;
    this.#store = store;
    this.#online = online;
    this.#edit = edit;
  }

  /** Show them. */
  show(place) {
    const lines = place ? this.#store.unsent(place).filter((line) => !line.heard) : [];
    keyedList(
      this.#list,
      lines,
      (line) => line,
      (line) => unsentItem(line, this.#store.nick),
      (item, line) => this.#update(item, place, line),
    );
  }

  #update(item, place, line) {
    const state = `${line.state} ${line.reason} ${this.#online()}`;
    if (item.dataset.state === state) return;
    item.dataset.state = state;
    item.querySelector(".fate")?.remove();
    const failed = line.state === "refused" || line.state === "doubtful";
    item.classList.toggle("failed", failed);
    item.append(failed ? this.#failed(place, line) : this.#waiting(line));
  }

  #waiting(line) {
    const why = this.#online() ? line.reason || "sending …" : "waiting for the connection";
    return h("p.fate", {}, why);
  }

  #failed(place, line) {
    const drop = () => this.#store.drop(place, line);
    const edit = () => {
      drop();
      this.#edit(line.text);
    };
    return h(
      "p.fate",
      { role: "alert" },
      h("span", {}, line.state === "refused" ? `Not sent: ${line.reason}` : line.reason),
      button("Send again", () => this.#store.again(place, line)),
      button("Edit", edit),
      button("Discard", drop),
    );
  }
}
