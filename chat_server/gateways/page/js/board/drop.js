// Where files come from: the button beside the message field, and what is dropped on the messages.

import { byId, h, iconButton } from "../dom.js";
import { Room } from "../state/room.js";
import { offerFile } from "./files.js";
import { Transfers } from "./transfers.js";

export class Drop {
  #app;
  #transfers = new Transfers();
  #chooser = h("input", { type: "file", multiple: true, hidden: true, on: { change: () => this.#chosen() } });

  constructor(app) {
    this.#app = app;
    const button = iconButton("file", "Offer a file", () => this.choose(), { class: "icon-button attach" });
    byId("composer").querySelector(".field").prepend(button, this.#chooser);
    const frame = byId("scroller");
    frame.addEventListener("dragover", (event) => this.#over(event));
    frame.addEventListener("dragleave", () => frame.classList.remove("dropping"));
    frame.addEventListener("drop", (event) => this.#dropped(event));
  }

  /** Let the user choose files. */
  choose() {
    this.#chooser.click();
  }

  /** Send files, one after the other, and offer them in the room that the user looks at. */
  async send(files) {
    const { store, session } = this.#app;
    const room = store.current;
    if (!(room instanceof Room)) {
      store.note("Files are for a room: choose one.", { kind: "warning" });
      return;
    }
    const waiting = files.map((file) => [file, this.#transfers.begin(file.name)]);
    for (const [file, transfer] of waiting) {
      try {
        if (!transfer.cancelled) await offerFile(session, room.name, file, transfer);
      } catch (error) {
        if (!transfer.cancelled) store.note(error.message, { place: room, kind: "warning" });
      }
      if (transfer.cancelled) store.note(`${file.name} was not sent: you cancelled it.`, { place: room });
      transfer.end();
    }
  }

  #chosen() {
    const files = [...this.#chooser.files];
    this.#chooser.value = "";
    this.send(files);
  }

  #over(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    byId("scroller").classList.add("dropping");
  }

  #dropped(event) {
    byId("scroller").classList.remove("dropping");
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    this.send([...event.dataTransfer.files]);
  }
}
