// The poll that is open in the current room: a button for each option; for who asked, with bars that
// move as others vote.

import { button, byId, h, onceAFrame } from "../dom.js";
import { Room } from "../state/room.js";
import { shown } from "../state/text.js";
import { toast } from "./toasts.js";

export class PollBar {
  #bar = h("section.poll-bar", { "aria-label": "Poll", hidden: true });
  #store;
  #run;
  #update = onceAFrame(() => this.#show());

  /** `run` runs a command's line. */
  constructor(store, run) {
    this.#store = store;
    this.#run = run;
    byId("frozen").before(this.#bar);
    for (const event of ["poll", "place", "role"]) store.on(event, this.#update);
  }

  #show() {
    const room = this.#store.current;
    const poll = room instanceof Room ? room.poll : null;
    this.#bar.hidden = !poll;
    if (!poll) {
      this.#bar.replaceChildren();
      return;
    }
    const { by, question, options, counts, named } = poll;
    const state = JSON.stringify([room.name, by, question, options, this.#mayEnd(poll)]);
    if (this.#bar.dataset.state !== state || !this.#bar.firstChild) {
      this.#bar.dataset.state = state;
      const how = named ? "The result names who voted for what." : "Nobody sees who votes for what.";
      const head = h("p.question", { dir: "auto" }, h("strong", {}, shown(question)), h("small", {}, `${shown(by)} asks. ${how}`));
      const rows = options.map((option, number) => this.#option(room, option, number + 1));
      const end = this.#mayEnd(poll) ? [button("End the poll", () => this.#run("/poll end"), { class: "small" })] : [];
      this.#bar.replaceChildren(head, h("div.options", {}, ...rows), ...end);
    }
    this.#fill(room, counts);
  }

  // Only the numbers change as people vote: the buttons stay where they are, and so does the focus.
  #fill(room, counts) {
    const most = Math.max(1, ...(counts ?? []));
    for (const [number, row] of [...this.#bar.querySelectorAll(".option")].entries()) {
      row.setAttribute("aria-pressed", String(room.voted === number + 1));
      const bar = row.querySelector("progress");
      bar.hidden = !counts;
      bar.max = most;
      bar.value = counts?.[number] ?? 0;
      row.querySelector(".votes").textContent = counts ? String(counts[number] ?? 0) : "";
    }
  }

  #option(room, option, number) {
    const vote = () => this.#store.turns.vote(room, number).catch((error) => toast(error.message));
    const row = button("", vote, { class: "option" });
    row.append(h("bdi", {}, shown(option)), h("progress", { "aria-hidden": "true" }), h("span.votes"));
    return row;
  }

  #mayEnd({ by, counts }) {
    return this.#store.inCharge || Boolean(counts) || by === this.#store.nick;
  }
}
