// Several tabs of one browser: they share one session, so only one of them may have it at a time.
// They also tell each other, and the wall page, whose hands are up.

import { Emitter } from "../emitter.js";

const PATIENCE = 150; // ms that another tab has to say that it has the session

export class Tabs extends Emitter {
  holding = false;
  #channel = null;
  #id = Math.random();
  #answered = null;

  constructor(name) {
    super();
    if (!("BroadcastChannel" in window)) return; // then the server's `replaced` has to do
    this.#channel = new BroadcastChannel(`backchannel.${name}`);
    this.#channel.onmessage = (event) => this.#hear(event.data);
  }

  /** Whether another tab has the session. */
  async isTaken() {
    if (!this.#channel) return false;
    const answer = new Promise((resolve) => {
      this.#answered = resolve;
      setTimeout(() => resolve(false), PATIENCE);
    });
    this.#send("who");
    return answer;
  }

  /** Take the session: the tab that has it lets go. */
  take() {
    this.holding = true;
    this.#send("take");
  }

  /** Say something to the other tabs, who `hear` it. */
  tell(data) {
    this.#send("told", data);
  }

  #hear({ type, from, data }) {
    if (from === this.#id) return;
    if (type === "who" && this.holding) this.#send("mine");
    if (type === "mine") this.#answered?.(true);
    if (type === "take" && this.holding) {
      this.holding = false;
      this.emit("taken");
    }
    if (type === "told") this.emit("told", data);
  }

  #send(type, data = null) {
    this.#channel?.postMessage({ type, from: this.#id, data });
  }
}
