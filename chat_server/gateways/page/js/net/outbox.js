// The lines that were not said yet. They outlive a lost connection and a reload of the page, and
// nobody hears one twice: a line keeps its id once it was sent.
//
// A line is {key, room, text, kind, reply_to, id, state, reason, seq}. Its state is `waiting`, `sending`,
// `said` (stored, and not heard yet), `refused`, or `doubtful` (nobody knows whether it arrived).
// One line at a time is under way, so that a refused one is not overtaken.

import { Emitter } from "../emitter.js";
import { Refused } from "./refusal.js";
import { load, save } from "./storage.js";

const KEY = "unsent";
const PATIENCE = 5; // seconds of `retry_after` that a line waits for by itself

export class Outbox extends Emitter {
  lines = [];
  #session;
  #busy = false;
  #nextKey = 1;

  constructor(session) {
    super();
    this.#session = session;
    for (const line of load(KEY, [])) {
      session.countFrom(line.id ?? 0);
      if (line.state === "said") continue; // it is in the room's log
      if (line.state === "sending") line.state = "waiting";
      this.lines.push({ ...line, key: this.#nextKey++ });
    }
    session.on("welcome", (_, same) => this.#welcomed(same));
    session.on("state", (state) => state === "online" && this.#pump());
  }

  /** Say a text in a room, as soon as that can be. */
  say(room, text, kind = "text", { reply_to, language } = {}) {
    const fresh = { id: null, state: "waiting", reason: "" };
    const line = { key: this.#nextKey++, room, text, kind, reply_to, language, ...fresh };
    this.lines.push(line);
    this.#changed();
    this.#pump();
  }

  /** The lines of a room that nobody heard yet. */
  of(room) {
    return this.lines.filter((line) => line.room === room);
  }

  /** Drop a line. */
  drop(line) {
    this.lines = this.lines.filter((each) => each !== line);
    this.#changed();
  }

  /** Say a line that was refused once more, as a new one. */
  again(line) {
    Object.assign(line, { id: null, state: "waiting", reason: "" });
    this.#changed();
    this.#pump();
  }

  /** A message was heard: the line that it was is no longer to be shown. */
  heard(message) {
    const line = this.lines.find((each) => each.room === message.room && sameAs(each, message));
    if (!line) return;
    if (line.state === "said") this.drop(line);
    else line.heard = message.seq;
  }

  #welcomed(same) {
    for (const line of this.lines) {
      // In another session the ids mean nothing to the server.
      if (!same && line.id && line.state === "waiting") this.#doubt(line);
    }
  }

  async #pump() {
    if (this.#busy) return;
    this.#busy = true;
    for (;;) {
      const line = this.lines.find((each) => each.state === "waiting");
      if (!line || !this.#session.online) break;
      await this.#send(line);
    }
    this.#busy = false;
  }

  async #send(line) {
    line.id ??= this.#session.nextId();
    line.state = "sending";
    this.#changed(); // the id is kept before the line can arrive
    const { id, room, text, kind, reply_to, language } = line;
    try {
      const reply = await this.#session.request("say", { id, room, text, kind, reply_to, language });
      line.seq = reply.seq;
      line.state = "said";
      if (line.heard === reply.seq || this.isHeard(room, reply.seq)) this.drop(line);
      else this.#changed();
    } catch (error) {
      if (!(error instanceof Refused)) this.#doubt(line);
      else if (error.retryAfter !== null && error.retryAfter <= PATIENCE) await this.#wait(line, error);
      else this.#refused(line, error);
    }
  }

  /** Whether a room's log was heard up to a message; the store says so. */
  isHeard() {
    return false;
  }

  async #wait(line, error) {
    Object.assign(line, { id: null, state: "waiting", reason: error.message });
    this.#changed();
    await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000));
  }

  #refused(line, error) {
    Object.assign(line, { id: null, state: "refused", reason: error.message });
    this.#changed();
  }

  #doubt(line) {
    const reason = "the connection broke: nobody knows whether this was said";
    Object.assign(line, { id: null, state: "doubtful", reason });
    this.#changed();
  }

  #changed() {
    const kept = this.lines.map(({ room, text, kind, reply_to, language, id, state, reason, seq }) => ({
      room,
      text,
      kind,
      reply_to,
      language,
      id,
      state,
      reason,
      seq,
    }));
    save(KEY, kept.length ? kept : null);
    this.emit("change");
  }
}

// The server may have normalised the text, which `ok` will settle.
function sameAs(line, message) {
  if (line.state === "said") return line.seq === message.seq;
  return line.state === "sending" && line.text.normalize("NFC") === message.text;
}
