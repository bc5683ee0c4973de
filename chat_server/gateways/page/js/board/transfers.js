// The files that are being sent: a line for each above the message field, until it is there.

import { button, byId, h, icon } from "../dom.js";
import { shown } from "../state/text.js";

export class Transfers {
  #list = byId("transfers");

  /** Show that a file is to be sent. */
  begin(name) {
    const transfer = new Transfer(shown(name), () => (this.#list.hidden = !this.#list.childElementCount));
    this.#list.append(transfer.item);
    this.#list.hidden = false;
    return transfer;
  }
}

class Transfer {
  #abort = new AbortController();
  #bar;
  #percent = h("span.percent", {}, "waits");
  #gone;

  constructor(name, gone) {
    this.#gone = gone;
    this.#bar = h("progress", { max: 100, value: 0, "aria-label": `Sending ${name}` });
    const cancel = button("Cancel", () => this.#cancel(), { "aria-label": `Cancel sending ${name}` });
    this.item = h("li", {}, icon("file"), h("bdi", {}, name), this.#bar, this.#percent, cancel);
  }

  /** Ends a request when the user cancels. */
  get signal() {
    return this.#abort.signal;
  }

  get cancelled() {
    return this.#abort.signal.aborted;
  }

  /** Show which part of the file is there, from 0 to 1. */
  show(part) {
    this.#bar.value = Math.floor(part * 100);
    this.#percent.textContent = `${Math.floor(part * 100)} %`;
  }

  /** It is there, or will never be. */
  end() {
    this.item.remove();
    this.#gone();
  }

  #cancel() {
    this.#abort.abort();
    this.end();
    byId("input").focus();
  }
}
