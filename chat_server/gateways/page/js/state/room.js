// A room that the user is in.

import { Place } from "./place.js";

export class Room extends Place {
  entered = false; // whether the server confirmed it on this connection
  log = undefined; // which log the numbers are from
  topic = "";
  members = 0;
  frozen = false;
  read = 0; // the last seq that the user saw
  nicks = new Map(); // who is here: folded nick to nick
  nicksKnown = false;
  roles = new Map(); // of those who are here and are no members: folded nick to role
  rules = null; // what holds here for the user, as the server said last
  speakers = new Map(); // folded nick to nick, whoever spoke last at the end
  hands = []; // for moderators: whose hands are up, whoever was first first
  asked = new Map(); // for moderators: nick to {time, question} of the hands
  place = 0; // where the user's own hand stands in the queue; 0 if it is down
  question = ""; // what the user asks with it
  floor = null; // {nick, question} of who has the floor
  poll = null; // the `poll` event of the one that is open
  voted = 0; // the option that the user voted for, from 1
  pins = []; // what stands at the top: {seq, time, from, text, by}
  past = 0; // what was said before the user came in, up to this seq, rings no bell

  constructor(name) {
    super();
    this.name = name;
  }

  get key() {
    return `#${this.name}`;
  }

  /** Whether the user's own hand is up. */
  get handUp() {
    return this.place > 0;
  }
}

/** What one person and the user told each other. It is kept nowhere but here. */
export class Conversation extends Place {
  constructor(nick) {
    super();
    this.nick = nick;
    this.unsent = []; // lines as those of the outbox; they are never sent again by themselves
    this.atStart = true;
  }

  get key() {
    return `@${this.nick}`;
  }
}
