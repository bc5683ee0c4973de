// A session: one person on one server, for longer than a connection lasts.
//
// After a lost connection it says hello with the session's secret, enters the rooms again behind
// what was heard, and sends again what had no reply, under the same id: the server does each once.
//
// It emits: `state` (connecting, online, waiting, ended), `moved` (to another server of the chat, and
// whether that one knows the session), `welcome`, `refused` (a hello),
// `ended` (the server does not want the page back by itself), and each event of the protocol
// under its type.

import { Emitter } from "../emitter.js";
import { Connection } from "./connection.js";
import { FATAL, Refused, TEMPORARY, Unconfirmed } from "./refusal.js";
import { learnServers, nextServer, server, serverCount } from "./servers.js";
import { load, save } from "./storage.js";

const FIRST_DELAY = 1; // seconds; the bound below which the delay is drawn, at first
const LONGEST_NEARBY = 5; // ... and in the end, on a private network
const LONGEST = 30; // ... and elsewhere
const STABLE = 10_000; // ms after which a connection was a good one
const CLIENT = "web page/1";

const EVENTS = new Set([
  ...["message", "direct", "presence", "role", "hand", "frozen", "oldest"],
  ...["rules", "invited", "expelled", "pins"],
  ...["place", "floor", "poll"],
]);
const NOT_TWICE = new Set(["say", "topic", "announce", "kick", "tell"]);

export class Session extends Emitter {
  state = "ended";
  nick = "";
  account = null;
  limits = {};
  retryAt = 0; // performance.now() of the next attempt, while `waiting`
  #key;
  #connection = null;
  #token;
  #lastId = 0;
  #pending = new Map();
  #passwords = {};
  #attempt = 0;
  #atLeast = 0; // seconds that the server wants the next attempt to wait
  #welcomed = 0;
  #where = null; // the server that let us in last
  #timer = null;
  #over = null; // the goodbye, or the fatal error, that came on this connection
  #cursors = () => [];

  /**
   * Make a session that does nothing yet: `start` it.
   *
   * @param {string} key - under which name this browser keeps it.
   */
  constructor(key) {
    super();
    this.#key = key;
    const kept = load(key, {});
    learnServers();
    this.#token = kept.token ?? null;
    this.nick = kept.nick ?? "";
  }

  /** Whether this browser has been here before, and can come back without a question. */
  get known() {
    return Boolean(this.#token && this.nick);
  }

  /** Whether requests reach the server now. */
  get online() {
    return this.state === "online";
  }

  /** Have `cursors` return the rooms to enter on each connection: [{room, after, log, history}]. */
  resumeWith(cursors) {
    this.#cursors = cursors;
  }

  /** Be sure that new ids are above one that was used. */
  countFrom(id) {
    this.#lastId = Math.max(this.#lastId, id);
  }

  /**
   * Come in, or try again after a refusal.
   *
   * @param {object} who - `nick`, and `password` and `accountPassword` where there are any.
   */
  start({ nick = this.nick, password, accountPassword } = {}) {
    this.nick = nick;
    if (password) this.#passwords.password = password;
    this.#passwords.account_password = accountPassword || undefined;
    clearTimeout(this.#timer);
    this.#over = null;
    if (this.state === "hello") this.#hello();
    else this.#connect();
  }

  /** Make the next attempt at once. */
  retry() {
    if (this.state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Somebody looks at the page again, or the network is back: see that the connection lives. */
  wake() {
    this.retry();
    this.#connection?.check();
  }

  /** Let go of the server without a word; the session stays good. */
  pause() {
    clearTimeout(this.#timer);
    this.#over = { code: "paused", text: "" };
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
    this.#setState("ended");
  }

  /** Say goodbye and forget the session. */
  async leave() {
    this.#over = { code: "bye", text: "" };
    if (this.online) await this.request("bye").catch(() => null);
    this.pause();
    this.#token = null;
    save(this.#key, null);
    this.#rejectAll(new Unconfirmed("you left"));
  }

  /** Return an id that was not used. */
  nextId() {
    this.#lastId += 1;
    return this.#lastId;
  }

  /**
   * Send a request, now or when there is a connection again.
   *
   * @param {string} type - of the request.
   * @param {object} members - its members but for `id`; an `id` is kept if there is one.
   * @returns {Promise<object>} the reply; rejected with Refused or Unconfirmed.
   */
  request(type, members = {}) {
    const object = { type, id: members.id ?? this.nextId(), ...members };
    return new Promise((resolve, reject) => {
      this.#pending.set(object.id, { object, resolve, reject, sent: this.online });
      if (this.online) this.#connection.send(object);
    });
  }

  #setState(state) {
    this.state = state;
    this.emit("state", state);
  }

  #connect() {
    this.#over = null;
    this.#connection?.close();
    this.#setState("connecting");
    this.#connection = new Connection(
      () => this.#hello(),
      (object) => this.#take(object),
      () => this.#lost(),
    );
  }

  #hello() {
    this.state = "hello";
    const session = this.#token ?? undefined;
    const hello = { type: "hello", version: 1, nick: this.nick, client: CLIENT, session };
    this.#connection.send({ ...hello, ...this.#passwords });
  }

  #take(object) {
    if (EVENTS.has(object.type)) this.emit(object.type, object);
    else if (["ok", "page", "live"].includes(object.type)) this.#settle(object);
    else if (object.type === "error") this.#refuse(object);
    else if (object.type === "ping") this.#connection.send({ type: "pong", re: object.id });
    else if (object.type === "welcome") this.#resume(object);
    else if (object.type === "goodbye") this.#over ??= object;
  }

  #settle(reply) {
    const pending = this.#pending.get(reply.re);
    this.#pending.delete(reply.re);
    if (pending?.object.type === "nick" || pending?.object.type === "logout") this.#rename(reply);
    if (pending?.object.type === "login") this.#rename(reply);
    if (pending?.object.type === "logout") this.account = null;
    if (reply.account) this.account = reply.account;
    pending?.resolve(reply);
  }

  #rename(reply) {
    this.nick = reply.nick ?? this.nick;
    this.#keep();
  }

  #keep() {
    save(this.#key, { token: this.#token, nick: this.nick });
  }

  #refuse(error) {
    if (FATAL.has(error.code)) {
      this.#over = error;
      this.#atLeast = error.retry_after ?? 0;
      return;
    }
    if (this.state === "hello" && error.re === null) {
      this.#refuseHello(error);
      return;
    }
    const pending = this.#pending.get(error.re);
    this.#pending.delete(error.re);
    pending?.reject(new Refused(error));
  }

  #refuseHello(error) {
    if (error.code === "unavailable") {
      this.#timer = setTimeout(() => this.#hello(), 1000 * (error.retry_after ?? 1));
      return;
    }
    this.#over = { code: "refused", text: "" }; // whoever is asked may take their time
    this.emit("refused", new Refused(error));
  }

  #resume(welcome) {
    const same = welcome.session === this.#token;
    this.#token = welcome.session;
    this.nick = welcome.nick;
    this.account = welcome.account ?? null;
    this.limits = welcome.limits;
    this.countFrom(welcome.last_id ?? 0);
    this.#keep();
    this.#welcomed = performance.now();
    this.#connection.keepAlive();
    this.#atLeast = 0;
    this.#passwords.account_password = undefined;
    const waiting = this.#unanswered(same);
    const cursors = this.#cursors(); // of the rooms from before; whoever hears `welcome` may add some
    this.state = "online";
    if (this.#where && this.#where !== server()) this.emit("moved", server(), same);
    this.#where = server();
    this.emit("welcome", welcome, same);
    for (const cursor of cursors) this.emit("enter", cursor);
    for (const pending of waiting) {
      pending.sent = true;
      this.#connection.send(pending.object);
    }
    this.emit("state", "online");
  }

  // Return what is to be sent again. What could be done twice, or reach somebody else, is not.
  #unanswered(same) {
    for (const [id, pending] of this.#pending) {
      const { type } = pending.object;
      if (!pending.sent || type === "join") continue;
      if (type !== "tell" && (same || !NOT_TWICE.has(type))) continue;
      this.#pending.delete(id);
      pending.reject(
        new Unconfirmed("the connection broke before the server replied: nobody knows whether this arrived"),
      );
    }
    for (const [id, { object }] of this.#pending) {
      if (object.type === "join") this.#pending.delete(id); // the cursors take their place
    }
    return [...this.#pending.values()];
  }

  #rejectAll(error) {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }

  #lost() {
    this.#connection = null;
    const over = this.#over;
    if (over?.code === "paused") return;
    if (over?.code === "refused") {
      this.#setState("ended");
      return;
    }
    if (over && !TEMPORARY.has(over.code)) {
      this.#setState("ended");
      this.emit("ended", over.code, over.text);
      return;
    }
    // A connection that broke without a word may be the network's fault: the same server is tried
    // again first, or a short failure would divide a room among servers.
    if (over || !this.#welcomed) nextServer();
    if (this.#welcomed && performance.now() - this.#welcomed > STABLE) this.#attempt = 0;
    this.#welcomed = 0;
    // The whole range ("full jitter"): after a restart a class does not come back in one instant.
    const round = Math.floor(this.#attempt / serverCount()); // the bound grows once all were tried
    const bound = Math.min(isNearby() ? LONGEST_NEARBY : LONGEST, FIRST_DELAY * 2 ** round);
    const delay = Math.max(Math.random() * bound, this.#atLeast);
    this.#attempt = Math.min(this.#attempt + 1, 9 * serverCount());
    this.retryAt = performance.now() + delay * 1000;
    this.#timer = setTimeout(() => this.#connect(), delay * 1000);
    this.#setState("waiting");
  }
}

function isNearby() {
  const host = location.hostname;
  return (
    /^(127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[(::1|f[cde]))/.test(host) ||
    host === "localhost" ||
    host.endsWith(".local") ||
    !host.includes(".")
  );
}
