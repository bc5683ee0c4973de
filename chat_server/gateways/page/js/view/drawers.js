// The lists at the sides. On a narrow screen they lie over the messages, one at a time.

import { byId } from "../dom.js";

const WIDE = matchMedia("(min-width: 1000px)");

export class Drawers {
  #open = null;
  #before = null; // what had the focus

  constructor() {
    byId("shade").addEventListener("click", () => this.close());
    WIDE.addEventListener("change", () => this.close());
  }

  /** Open or close a list. On a wide screen that is whether it has a column. */
  toggle(name) {
    if (name === "people" && WIDE.matches) {
      byId("app").classList.toggle("people-hidden");
      return;
    }
    if (this.#open === name) this.close();
    else this.#show(name);
  }

  /** Close what lies over the messages. Returns whether something did. */
  close() {
    if (!this.#open) return false;
    byId(this.#open).classList.remove("open");
    byId("shade").hidden = true;
    this.#open = null;
    this.#before?.focus();
    return true;
  }

  #show(name) {
    this.close();
    this.#open = name;
    this.#before = document.activeElement;
    byId(name).classList.add("open");
    byId("shade").hidden = false;
    byId(name).querySelector("button, input")?.focus();
  }
}
