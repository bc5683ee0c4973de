// Who is in which room, and who is called what.

import { Conversation } from "./room.js";
import { fold } from "./text.js";

const TOLD = 4; // people who are named when they get another role
const NAMED = 40; // members above which a room says no more who comes and goes

export class People {
  #session;
  #store;

  constructor(session, store) {
    this.#session = session;
    this.#store = store;
  }

  /** Ask who is in a room, unless that is known. */
  async load(room) {
    if (room.nicksKnown || !room.entered) return;
    room.nicksKnown = true;
    room.nicks.clear();
    room.roles.clear();
    try {
      const note = ({ roles = {} }) => this.#noteRoles(room, roles);
      for await (const nick of this.#all("who", room, "members", note)) room.nicks.set(fold(nick), nick);
    } catch {
      room.nicksKnown = false; // refused, or the connection was lost: the next look asks again
    }
    this.#store.emit("people");
  }

  /** The nicks of a room, sorted, the user's own first. */
  in(room) {
    const own = this.#store.nick;
    return [...room.nicks.values()].sort((a, b) => {
      if (a === own || b === own) return a === own ? -1 : 1;
      return fold(a) < fold(b) ? -1 : 1;
    });
  }

  /** Who a beginning of a nick may mean: whoever spoke last first. */
  beginningWith(start, room) {
    const wanted = fold(start);
    const known = new Map([...room.speakers].reverse());
    for (const nick of this.in(room)) known.set(fold(nick), nick);
    return [...known.values()].filter(
      (nick) => nick !== this.#store.nick && fold(nick).startsWith(wanted),
    );
  }

  /** Take a `presence` event. */
  change({ room: name, joined, left, renamed, members, roles = {} }) {
    const room = this.#store.rooms.get(name);
    if (!room) return;
    room.members = members;
    for (const nick of [...left, ...renamed.map(([old]) => old)]) {
      room.nicks.delete(fold(nick));
      room.roles.delete(fold(nick));
    }
    this.#noteRoles(room, roles);
    for (const nick of [...joined, ...renamed.map(([, now]) => now)]) room.nicks.set(fold(nick), nick);
    for (const [old, now] of renamed) this.#rename(room, old, now);
    this.#tell(room, joined, left, renamed);
    this.#tellRoles(room, roles, new Set([...joined, ...renamed.map(([, now]) => now)]));
    this.#store.emit("people");
  }

  #noteRoles(room, roles) {
    for (const [nick, role] of Object.entries(roles)) {
      if (role === "member") room.roles.delete(fold(nick));
      else room.roles.set(fold(nick), role);
    }
  }

  async *#all(type, room, member, look = () => null) {
    let after;
    for (;;) {
      const page = await this.#session.request(type, { room: room.name, after });
      look(page);
      yield* page[member];
      if (!page.more) return;
      after = page[member].at(-1);
    }
  }

  #rename(room, old, now) {
    if (room.speakers.delete(fold(old))) room.speakers.set(fold(now), now);
    const place = this.#store.conversations.get(fold(old));
    if (!(place instanceof Conversation) || this.#store.conversations.has(fold(now))) return;
    this.#store.conversations.delete(fold(old));
    place.nick = now;
    this.#store.conversations.set(fold(now), place);
    place.note({ kind: "note", text: `${old} is called ${now} now.` });
    this.#store.emit("places");
    this.#store.emit("place");
  }

  // Say in the room who was appointed. Whoever comes in has the mark beside the name.
  #tellRoles(room, roles, known) {
    const others = Object.entries(roles).filter(([nick]) => nick !== this.#store.nick && !known.has(nick));
    if (!others.length) return;
    const named = others.slice(0, TOLD).map(([nick, role]) => `${nick} is ${role === "owner" ? "an" : "a"} ${role} now`);
    this.#store.note(`${named.join(", ")}.`, { place: room });
  }

  // Say in the room who came and went; what follows closely is told in the same line.
  #tell(room, joined, left, renamed) {
    const own = this.#store.nick;
    const others = (nicks) => nicks.filter((nick) => nick !== own && !this.#store.hides(nick));
    const news = { joined: others(joined), left: others(left), renamed, ranks: new Map(room.roles) };
    const quiet = this.#store.quiet || room.members > NAMED;
    if (quiet || news.joined.length + news.left.length + renamed.length === 0) return;
    const last = room.locals.at(-1);
    if (last?.kind === "presence" && last.after === room.heard) {
      last.joined = apart([...last.joined, ...news.joined], news.left);
      last.left = apart([...last.left, ...news.left], news.joined);
      last.renamed.push(...renamed);
      last.ranks = news.ranks;
      last.version += 1;
    } else {
      room.note({ kind: "presence", version: 0, ...news });
    }
    if (room === this.#store.current) this.#store.emit("log");
  }
}

function apart(nicks, others) {
  return [...new Set(nicks)].filter((nick) => !others.includes(nick));
}
