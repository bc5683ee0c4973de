// What the user sees: the rooms, the direct conversations, who is where, what is unread.
//
// It turns the session's events into that, and tells the views which part changed:
// `log` (the current place's messages), `places` (the lists, unread counts), `people` (who is
// here), `place` (another one is current), `heard` (a message, for sounds and titles), `said`
// (the user said something), `hand` and `poll` (see turns.js), `told` (a sentence for the user that belongs to no place), `role`.

import { Emitter } from "../emitter.js";
import { load, save } from "../net/storage.js";
import { People } from "./people.js";
import { Conversation, Room } from "./room.js";
import { fold, mentions } from "./text.js";
import { Turns } from "./turns.js";

const FIRST = 60; // messages that are read on entering a room
const KEY = "rooms";
const SAVING = 300; // ms

export class Store extends Emitter {
  rooms = new Map();
  conversations = new Map(); // by folded nick
  current = null;
  role = "member";
  motd = "";
  visible = true; // whether somebody looks at the page
  focused = new Set(); // folded nicks: all others are hidden, where there are any
  away = null; // why the user is away; null if here
  writer = null; // the nick of the last direct message
  #late = new Set(); // the numbers of late messages that were heard
  #answered = new Set(); // who was told that the user is away
  #session;
  #outbox;
  #settings;
  #saving = null;
  #kept = new Map();
  #dropped = false;

  constructor(session, outbox, settings) {
    super();
    this.#session = session;
    this.#outbox = outbox;
    this.#settings = settings;
    this.people = new People(session, this);
    this.turns = new Turns(session, this);
    for (const { name, read, log } of load(KEY, [])) this.#kept.set(name, { read, log });
    session.resumeWith(() => [...this.rooms.values()]);
    session.on("welcome", (welcome) => this.#welcome(welcome));
    session.on("enter", (room) => this.#enter(room));
    session.on("message", (message) => this.#hear(message));
    session.on("direct", (direct) => this.#hearDirect(direct));
    session.on("presence", (presence) => this.people.change(presence));
    session.on("role", (change) => this.#changeRole(change));
    session.on("frozen", (change) => this.#changeFrozen(change));
    session.on("rules", (change) => this.#changeRules(change));
    session.on("invited", ({ room, by }) => this.emit("told", `${by} lets you into #${room}: type /join ${room}`));
    session.on("expelled", (change) => this.#leaveAtOnce(change));
    session.on("pins", (change) => this.#changePins(change));
    session.on("oldest", (change) => this.#changeOldest(change));
    session.on("state", (state) => this.#changeState(state));
    outbox.isHeard = (name, seq) => (this.rooms.get(name)?.heard ?? 0) >= seq;
    outbox.on("change", () => this.emit("log"));
    settings.on("change", () => this.emit("log"));
  }

  get nick() {
    return this.#session.nick;
  }

  get quiet() {
    return this.#settings.get("quiet");
  }

  get inCharge() {
    return this.role !== "member";
  }

  /** The names of the rooms that this browser was in the last time. */
  get keptRooms() {
    return [...this.#kept.keys()];
  }

  get places() {
    return [...this.rooms.values(), ...this.conversations.values()];
  }

  /** Enter a room, or find the one that the user is in already. Does not look at it. */
  join(name) {
    const known = this.rooms.get(name);
    if (known) return known;
    const room = new Room(name);
    const kept = this.#kept.get(name);
    Object.assign(room, { read: kept?.read ?? -1, log: kept?.log });
    this.rooms.set(name, room);
    if (this.#session.online) this.#enter(room);
    this.#changed();
    return room;
  }

  /** Leave a room. */
  async leave(room) {
    await this.#session.request("leave", { room: room.name });
    this.forget(room);
  }

  /** Drop a room that the user is no longer in, or a conversation. */
  forget(place) {
    if (place instanceof Room) this.rooms.delete(place.name);
    else this.conversations.delete(fold(place.nick));
    this.#kept.delete(place.name);
    if (this.current === place) this.look(this.places[0] ?? null);
    this.#changed();
  }

  /** Return the conversation with somebody; a new one if there is none. */
  conversation(nick) {
    const found = this.conversations.get(fold(nick));
    if (found) return found;
    const made = new Conversation(nick);
    this.conversations.set(fold(nick), made);
    this.emit("places");
    return made;
  }

  /** Look at a place. */
  look(place) {
    if (this.current === place) return;
    if (this.current) this.current.marker = null;
    this.current = place;
    if (place) {
      place.marker = place.unread ? this.#readUpTo(place) : null;
      place.following = true;
      if (place instanceof Room && place.entered) this.people.load(place);
    }
    this.emit("place");
    this.emit("log");
    this.emit("places");
    this.emit("people");
  }

  /** Say something in the current place. */
  say(text, kind = "text", marks = {}) {
    const place = this.current;
    place.marker = null;
    if (place instanceof Room) this.#outbox.say(place.name, text, kind, marks);
    else this.tell(place, kind === "action" ? `* ${this.nick} ${text}` : text);
    this.emit("said"); // whoever talks wants to see it
  }

  /** Tell the person of a conversation something. */
  async tell(place, text) {
    const line = { text, kind: "text", state: "sending", reason: "" };
    place.unsent.push(line);
    this.emit("log");
    try {
      if (!this.#session.online) throw new Error("not sent: there is no connection");
      const { kept } = await this.#session.request("tell", { to: place.nick, text });
      place.unsent = place.unsent.filter((each) => each !== line);
      this.#appendDirect(place, { from: this.nick, text, time: Date.now() / 1000 });
      if (kept) this.note(`${place.nick} is away, and gets this when they are back.`, { place });
    } catch (error) {
      Object.assign(line, { state: "refused", reason: error.message });
    }
    this.emit("log");
  }

  /** The lines of a place that did not arrive yet. */
  unsent(place) {
    return place instanceof Room ? this.#outbox.of(place.name) : place.unsent;
  }

  /** Send a line that was refused once more, or drop it. */
  again(place, line) {
    if (place instanceof Room) {
      this.#outbox.again(line);
      return;
    }
    this.drop(place, line);
    this.tell(place, line.text);
  }

  drop(place, line) {
    if (place instanceof Room) this.#outbox.drop(line);
    else place.unsent = place.unsent.filter((each) => each !== line);
    this.emit("log");
  }

  /** Add a line of the page's own to a place, the current one unless said. */
  note(text, { place = this.current, kind = "note", ...more } = {}) {
    if (!place) {
      this.emit("told", text);
      return;
    }
    place.note({ kind, text, ...more });
    if (place === this.current) this.emit("log");
  }

  /** The user sees all of the current place, if anybody looks at the page. */
  markRead() {
    const place = this.current;
    if (!place || !this.visible || !place.following || !place.atEnd) return;
    if (place instanceof Room && !place.entered && !place.heard) return;
    if (!place.unread && (place.read ?? place.heard) === place.heard) return;
    place.unread = 0;
    place.mentioned = false;
    place.read = place.heard;
    this.#changed();
  }

  /** Whether a message is not to be shown. */
  hides(nick) {
    if (this.#settings.ignores(nick)) return true;
    return this.focused.size > 0 && nick !== this.nick && !this.focused.has(fold(nick));
  }

  setAway(why) {
    this.away = why;
    this.#answered.clear();
    this.emit("places");
  }

  /** Keep nothing of this person in the browser. */
  forgetAll() {
    clearTimeout(this.#saving);
    this.#dropped = true;
    save(KEY, null);
  }

  /** Write down what is to outlive the page. */
  keep() {
    if (this.#dropped) return;
    const rooms = [...this.rooms.values()].map(({ name, read, log }) => ({ name, read, log }));
    save(KEY, rooms.length ? rooms : null);
  }

  #changed() {
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.keep(), SAVING);
    this.emit("places");
  }

  #readUpTo(place) {
    return place instanceof Room ? place.read : place.heard - place.unread;
  }

  #welcome(welcome) {
    this.role = welcome.role ?? "member";
    this.motd = welcome.motd;
    this.emit("role");
    for (const conversation of this.conversations.values()) {
      if (!conversation.messages.length) continue;
      const { nick } = conversation;
      const text = `The connection was lost. Whoever is called ${nick} now may be somebody else.`;
      this.note(text, { place: conversation });
    }
  }

  #changeState(state) {
    if (state !== "online") {
      for (const room of this.rooms.values()) Object.assign(room, { entered: false, nicksKnown: false });
    }
    this.emit("places");
    this.emit("people");
  }

  async #enter(room) {
    room.pins = []; // they come behind the reply
    const known = room.generation > 0 || room.heard > 0;
    const where = known ? { after: room.heard, log: room.log } : { history: FIRST };
    try {
      const reply = await this.#session.request("join", { room: room.name, ...where });
      this.#entered(room, reply, known);
    } catch (error) {
      if (!this.rooms.has(room.name)) return;
      this.forget(room);
      this.emit("told", `You are not in #${room.name}: ${error.message}`);
    }
  }

  #entered(room, reply, known) {
    const { seq, oldest = 0 } = reply;
    if (reply.diverged !== undefined) this.#diverge(room, reply.diverged);
    else if (known && oldest > room.heard + 1) this.#skip(room, oldest - 1);
    if (!known) {
      room.heard = Math.max(0, seq - FIRST, oldest - 1);
      room.atStart = seq <= FIRST && !oldest;
      room.generation += 1;
      if (room.read < 0 || (room.log && room.log !== reply.log)) room.read = seq;
      room.unread = Math.max(0, room.heard - room.read);
    }
    const { topic, members, log, frozen = false } = reply;
    Object.assign(room, { entered: true, topic, members, log, frozen, rules: null, past: seq, oldestKept: oldest });
    if (room === this.current) {
      if (room.marker === null && room.unread) room.marker = room.read;
      this.people.load(room);
    }
    this.turns.enter(room);
    this.#changed();
    this.emit("log");
    this.emit("people");
    this.emit("pins");
    this.markRead();
  }

  #diverge(room, seq) {
    const gone = room.heard - seq;
    room.cut(seq);
    room.read = Math.min(room.read, seq);
    if (gone <= 0) return;
    const text =
      `The last ${gone} message${gone > 1 ? "s" : ""} that you saw here ${gone > 1 ? "are" : "is"} gone: ` +
      "the server went back to an earlier copy of its history. What is there now follows.";
    room.note({ kind: "warning", text });
  }

  #skip(room, seq) {
    const lost = seq - room.heard;
    room.replace([], { atStart: false, atEnd: true });
    room.heard = seq;
    room.note({ kind: "warning", text: `The server no longer has ${lost} messages from here.` });
  }

  #hear(message) {
    const room = this.rooms.get(message.room);
    this.#outbox.heard(message);
    if (!room || message.seq <= room.heard) return;
    room.append(message);
    if (message.changes) room.change(message);
    const own = message.from === this.nick;
    const fresh = message.seq > (room.past ?? 0);
    const hidden = this.hides(message.from);
    if (message.kind === "topic") room.topic = message.text;
    room.speakers.delete(fold(message.from));
    room.speakers.set(fold(message.from), message.from);
    if (!own && !hidden && !message.changes && message.seq > room.read) this.#countUnread(room, message, fresh);
    if (room === this.current) {
      this.emit("log");
      this.markRead();
    }
    if (!room.unread) room.read = room.heard;
    this.#changed();
  }

  #countUnread(room, message, fresh) {
    const named = mentions(this.nick, message.text).length > 0;
    if (room === this.current && !this.visible && !room.unread) room.marker = message.seq - 1;
    room.unread += 1;
    room.mentioned ||= named;
    if (!fresh) return;
    this.emit("heard", room, message, named);
    if (named) this.#sayAway(message.from);
  }

  #hearDirect(direct) {
    if (this.hides(direct.from) || this.#late.has(direct.late)) return;
    if (direct.late) this.#late.add(direct.late); // it comes again, if our pong was lost
    const place = this.conversation(direct.from);
    if (place === this.current && !this.visible && !place.unread) place.marker = place.heard;
    this.writer = direct.from;
    place.unread += 1;
    place.mentioned = true;
    this.#appendDirect(place, direct);
    this.emit("heard", place, direct, true);
    this.#sayAway(direct.from);
    this.markRead();
    this.emit("places");
  }

  #appendDirect(place, { from, text, time, bot, late }) {
    place.append({ seq: place.heard + 1, from, text, time, bot, late, kind: "text" });
    if (place === this.current) this.emit("log");
  }

  #sayAway(nick) {
    if (this.away === null || nick === this.nick || this.#answered.has(fold(nick))) return;
    this.#answered.add(fold(nick));
    const text = `(away) ${this.away}`.trim();
    this.#session.request("tell", { to: nick, text }).catch(() => null); // gone by now
  }

  #changeRole({ role, by }) {
    this.role = role;
    const what = role === "member" ? "a member" : role === "owner" ? "an owner" : `a ${role}`;
    this.note(by === this.nick ? `You are ${what} now.` : `${by} made you ${what}.`);
    this.emit("role");
    if (!this.inCharge) return;
    for (const room of this.rooms.values()) this.turns.load(room);
  }

  #changeOldest({ room: name, oldest }) {
    const room = this.rooms.get(name);
    if (!room || oldest <= room.heard + 1) return;
    this.#skip(room, oldest - 1);
    room.oldestKept = oldest;
    this.emit("log");
  }

  #changeRules(change) {
    const room = this.rooms.get(change.room);
    if (!room) return;
    room.rules = change;
    if (room === this.current) this.emit("log"); // images may be shown now
    this.emit("people");
    this.emit("places");
  }

  #leaveAtOnce({ room: name, text }) {
    const room = this.rooms.get(name);
    if (!room) return;
    this.forget(room);
    this.emit("told", `You are no longer in #${name}: ${text}`);
  }

  #changePins({ room: name, pins }) {
    const room = this.rooms.get(name);
    if (!room) return;
    room.pins = pins;
    this.emit("pins");
  }

  #changeFrozen({ room: name, frozen }) {
    const room = this.rooms.get(name);
    if (!room) return;
    room.frozen = frozen;
    this.emit("people");
    this.emit("places");
  }
}
