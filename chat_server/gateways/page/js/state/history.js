// Reads parts of a room's log into its window.

import { Conversation } from "./room.js";

const PAGE = 50; // messages that are read at once: more would be felt as one long frame

export class History {
  #session;
  #store;
  #reading = new Map(); // rooms of which a part is being read, and when that is done

  constructor(session, store) {
    this.#session = session;
    this.#store = store;
  }

  /** Whether a part of a place is being read. */
  isReading(place) {
    return this.#reading.has(place);
  }

  /** Read what stands before the window. */
  async older(room) {
    if (room.atStart || room.first === null) return;
    await this.#read(room, { before: room.first, limit: PAGE }, (page) => {
      room.prepend(page.messages);
      room.atStart = !page.more;
    });
  }

  /** Read what stands behind the window. */
  async newer(room) {
    if (room.atEnd || room.last === null) return;
    await this.#read(room, { after: room.last, limit: PAGE }, (page) => room.extend(page.messages));
  }

  /** Show the end of the log. */
  async latest(room) {
    if (room.atEnd) return;
    await this.#read(room, { limit: PAGE }, ({ messages, more }) => {
      room.replace(messages, { atStart: !more, atEnd: true });
    });
  }

  /** Show a message with those around it. Returns whether it is there. */
  async around(room, seq) {
    if (!room.messages.some((message) => message.seq === seq)) {
      const before = seq + PAGE / 2;
      await this.#read(room, { before, limit: PAGE }, ({ messages, more }) => {
        const end = messages.at(-1)?.seq ?? 0;
        room.replace(messages, { atStart: !more, atEnd: end >= room.heard });
        room.following = false;
      });
    }
    return room.messages.some((message) => message.seq === seq);
  }

  /** Return the seq of the first message since a moment, of the last 10,000; null if none is. */
  async since(room, seconds) {
    let found = null;
    let before;
    for (let pages = 0; pages < 20; pages += 1) {
      const page = await this.#session.request("history", { room: room.name, before, limit: 500 });
      const inside = page.messages.filter((message) => message.time >= seconds);
      found = inside[0]?.seq ?? found;
      if (!page.more || inside.length < page.messages.length) break;
      before = page.messages[0].seq;
    }
    return found;
  }

  /** Return the messages with results of polls, of the last 10,000 messages. */
  async polls(room) {
    const found = [];
    let before;
    for (let pages = 0; pages < 20; pages += 1) {
      const page = await this.#session.request("history", { room: room.name, before, limit: 500 });
      found.unshift(...page.messages.filter(({ poll }) => poll?.counts));
      if (!page.more || !page.messages.length) break;
      before = page.messages[0].seq;
    }
    return found;
  }

  async #read(room, what, take) {
    if (room instanceof Conversation || !room.entered) return;
    while (this.#reading.has(room)) await this.#reading.get(room);
    const done = this.#ask(room, what, take);
    this.#reading.set(room, done);
    await done;
    this.#store.emit("log");
  }

  async #ask(room, what, take) {
    const { generation } = room;
    try {
      const page = await this.#session.request("history", { room: room.name, ...what });
      if (room.generation === generation) take(page);
      room.oldestKept = page.oldest ?? room.oldestKept;
    } catch (error) {
      this.#store.emit("told", `Older messages cannot be read now: ${error.message}`);
    } finally {
      this.#reading.delete(room);
    }
  }
}
