// Whose hands are up, whose turn it is, and the poll that is open.
//
// The store tells the views: `people` where hands or the floor changed, `hand` where one was raised,
// `poll` where a poll began, ended, or has other votes.

export class Turns {
  #session;
  #store;

  constructor(session, store) {
    this.#session = session;
    this.#store = store;
    const on = (event, take) => session.on(event, (change) => this.#inRoom(change, take));
    on("hand", (room, change) => this.#changeHand(room, change));
    on("place", (room, { place, question = "" }) => this.#changePlace(room, place, question));
    on("floor", (room, { nick, question = "" }) => this.#changeFloor(room, nick ? { nick, question } : null));
    on("poll", (room, poll) => this.#changePoll(room, poll));
  }

  /** Forget what the server tells anew to who enters a room. */
  enter(room) {
    Object.assign(room, { place: 0, question: "", floor: null, poll: null, voted: 0 });
    if (this.#store.inCharge) this.load(room);
    this.#store.emit("poll");
  }

  /** Ask whose hands are up, and what they ask. */
  async load(room) {
    const hands = [];
    const asked = new Map();
    try {
      for (let after, more = true; more; after = hands.at(-1)) {
        const page = await this.#session.request("hands", { room: room.name, after });
        for (const { nick, time, question = "", floor } of page.queue) {
          if (!floor) asked.set(nick, { time, question });
        }
        hands.push(...page.hands);
        more = page.more;
      }
    } catch {
      return; // no moderator any more, or the first page's last hand went down: events follow
    }
    Object.assign(room, { hands, asked });
    this.#store.emit("people");
  }

  /** Raise the user's hand, or ask something else with it. */
  async raise(room, question) {
    const { place = 0 } = await this.#session.request("hand", { room: room.name, up: true, question: question || undefined });
    this.#changePlace(room, place || 1, question || room.question);
    return place;
  }

  /** Take the user's hand down. */
  async lower(room) {
    await this.#session.request("hand", { room: room.name, up: false });
    this.#changePlace(room, 0, "");
  }

  /** Vote for an option of the room's poll, from 1. */
  async vote(room, choice) {
    await this.#session.request("vote", { room: room.name, choice });
    room.voted = choice;
    this.#store.emit("poll");
  }

  #inRoom(change, take) {
    const room = this.#store.rooms.get(change.room);
    if (room) take(room, change);
  }

  #changeHand(room, { nick, up, question = "" }) {
    const known = room.hands.includes(nick);
    if (!up) {
      room.hands = room.hands.filter((each) => each !== nick);
      room.asked.delete(nick);
    } else {
      if (!known) room.hands.push(nick);
      room.asked.set(nick, { time: room.asked.get(nick)?.time ?? Date.now() / 1000, question });
      this.#store.emit("hand", room, nick, question);
    }
    this.#store.emit("people");
  }

  #changePlace(room, place, question) {
    Object.assign(room, { place, question });
    this.#store.emit("people");
  }

  #changeFloor(room, floor) {
    room.floor = floor;
    this.#store.emit("people");
  }

  #changePoll(room, poll) {
    const same = room.poll?.question === poll.question && room.poll?.by === poll.by;
    if (!same) room.voted = 0;
    if (poll.choice) room.voted = poll.choice;
    room.poll = poll.open ? poll : null;
    this.#store.emit("poll");
  }
}
