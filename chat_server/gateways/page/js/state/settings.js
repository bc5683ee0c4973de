// What the user chose, kept in this browser.

import { Emitter } from "../emitter.js";
import { load, save } from "../net/storage.js";
import { fold } from "./text.js";

const KEY = "settings";
const DEFAULTS = {
  theme: "auto", // auto, light, dark
  sound: "on", // on: for one's name and direct messages; off; all
  notifications: false,
  quiet: false, // say nothing about who comes and goes
  ignored: [], // folded nicks
};

export class Settings extends Emitter {
  #values = { ...DEFAULTS, ...load(KEY, {}) };

  get(name) {
    return this.#values[name];
  }

  set(name, value) {
    this.#values[name] = value;
    save(KEY, this.#values);
    this.emit("change", name);
  }

  /** Whether what somebody says is hidden. */
  ignores(nick) {
    return this.#values.ignored.includes(fold(nick));
  }

  ignore(nick) {
    if (!this.ignores(nick)) this.set("ignored", [...this.get("ignored"), fold(nick)]);
  }

  unignore(nick) {
    this.set("ignored", this.get("ignored").filter((each) => each !== fold(nick)));
  }
}
