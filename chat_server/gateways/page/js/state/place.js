// A place to talk: a room or a direct conversation, with a window of its messages.
//
// The window is a run of messages without a gap. Rooms may hold 10,000; the page holds at most
// WINDOW of them and reads others from the server when somebody scrolls there.

import { changedBy, isSaid } from "./changes.js";
import { fold } from "./text.js";

export const WINDOW = 400;
const LOCALS = 100; // lines of the page's own that a place keeps

let nextLocal = 1;

export class Place {
  messages = []; // the window
  generation = 0; // another number is another window: nothing of it may be kept on the screen
  changed = 0; // how many entries changed messages of it
  atStart = false; // whether the window begins with the first message that there is
  atEnd = true; // whether it ends with the last
  oldestKept = 0; // the first seq that the server still has, where it dropped some
  heard = 0; // the last seq that was heard
  unread = 0;
  mentioned = false;
  marker = null; // the seq behind which the line "new" stands
  following = true; // whether the reader stands at the end, or looks elsewhere
  locals = []; // the page's own lines: {key, after, ...}
  draft = "";

  /** A name for the list, the address and the storage: `#room` or `@nick`. */
  get key() {
    throw new Error("a place is a room or a conversation");
  }

  get first() {
    return this.messages[0]?.seq ?? null;
  }

  get last() {
    return this.messages.at(-1)?.seq ?? null;
  }

  /** Take a new message that follows all that was heard. */
  append(message) {
    this.heard = message.seq;
    if (!this.atEnd) return;
    if (this.messages.length >= WINDOW && !this.following) {
      this.atEnd = false; // whoever reads back keeps what they read
      return;
    }
    this.messages.push(message);
    if (this.messages.length > WINDOW + 50) this.#dropFirst(this.messages.length - WINDOW);
  }

  /** Bring the messages of the window to their latest state: an entry of the log changes one. */
  change(entry) {
    this.messages = this.messages.map((message) => changedBy(message, entry));
    this.changed += 1;
  }

  /** Return a message of the window, or undefined. */
  message(seq) {
    return this.messages.find((message) => message.seq === seq);
  }

  /** Return the last message of somebody in the window that can be answered, or undefined. */
  latest(nick) {
    return this.messages.findLast(
      (message) => fold(message.from) === fold(nick) && isSaid(message) && !message.deleted,
    );
  }

  /** Put older messages in front of the window. */
  prepend(messages) {
    this.messages.unshift(...messages);
    if (this.messages.length <= WINDOW) return;
    this.messages.length = WINDOW;
    this.atEnd = false;
  }

  /** Put newer messages behind the window. */
  extend(messages) {
    this.messages.push(...messages);
    this.heard = Math.max(this.heard, this.last ?? 0);
    this.atEnd = this.last >= this.heard;
    if (this.messages.length > WINDOW) this.#dropFirst(this.messages.length - WINDOW);
  }

  /** Show another window. */
  replace(messages, { atStart, atEnd }) {
    this.messages = messages;
    this.atStart = atStart;
    this.atEnd = atEnd;
    this.heard = Math.max(this.heard, this.last ?? 0);
    this.generation += 1;
  }

  /** Forget what is behind a message: it is gone on the server. */
  cut(seq) {
    this.messages = this.messages.filter((message) => message.seq <= seq);
    this.heard = seq;
    this.atEnd = true;
    this.locals = this.locals.filter((local) => local.after <= seq);
    this.generation += 1;
  }

  /** Add a line of the page's own behind what was heard. */
  note(local) {
    this.locals.push({ key: nextLocal++, after: this.heard, time: Date.now() / 1000, ...local });
    if (this.locals.length > LOCALS) this.locals.shift();
  }

  #dropFirst(count) {
    this.messages.splice(0, count);
    this.atStart = false;
  }
}
