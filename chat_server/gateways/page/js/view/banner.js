// Whether the page is connected, and what it does about it.

import { button, byId, h } from "../dom.js";

export class Banner {
  #session;
  #timer = null;

  constructor(session) {
    this.#session = session;
    session.on("state", () => this.#show());
  }

  #show() {
    clearInterval(this.#timer);
    const { state } = this.#session;
    byId("app").classList.toggle("offline", state !== "online");
    if (state === "waiting") {
      this.#wait();
      this.#timer = setInterval(() => this.#tick(), 1000);
    } else if (state === "connecting") {
      this.#say("Connecting …");
    } else {
      byId("banner").replaceChildren();
    }
  }

  #wait() {
    const now = button("Try now", () => this.#session.retry(), { class: "small" });
    const left = h("span", { "aria-hidden": "true" });
    byId("banner").replaceChildren(
      h("span", {}, "Not connected. What you write is kept and sent later. "),
      left,
      now,
    );
    this.#tick();
  }

  #tick() {
    const left = Math.max(0, Math.round((this.#session.retryAt - performance.now()) / 1000));
    const text = left ? `Next try in ${left} s. ` : "Next try now. ";
    const span = byId("banner").querySelector("[aria-hidden]");
    if (span) span.textContent = text;
  }

  #say(text) {
    byId("banner").replaceChildren(h("span", {}, text));
  }
}
