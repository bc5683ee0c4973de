// The commands of those in charge.

import { fold } from "../state/text.js";
import { needed, roomHere, roomName, sentence, split } from "./arguments.js";
import { isDuration, parseDuration, spoken, UNITS } from "./durations.js";

const ALL = "all";
const BUT = "but";

export const MODERATION = {
  async freeze({ session, store }, argument, command) {
    let words = argument.split(/\s+/).filter(Boolean);
    let speakers;
    if (words.includes(BUT)) {
      const place = words.indexOf(BUT);
      speakers = words.slice(place + 1).map((word) => word.replaceAll(",", "")).filter(Boolean);
      words = words.slice(0, place);
      if (!speakers.length) throw new Error(`Nobody stands behind "${BUT}": type ${command.usage}`);
    }
    const where = words.length && !isDuration(words[0]) ? words.shift() : "";
    const seconds = words.length ? parseDuration(words.shift()) : undefined;
    if (words.length) throw new Error(`"${words[0]}" is one word too many: type ${command.usage}`);
    const room = roomOrAll(store, where);
    await session.request("freeze", { room, seconds, speakers });
    tellUnlessSeen(store, room, `${placeOf(room)} frozen${during(seconds)}.`);
  },

  async unfreeze({ session, store }, argument) {
    const room = roomOrAll(store, argument);
    await session.request("unfreeze", { room });
    tellUnlessSeen(store, room, `${placeOf(room)} open to everybody again.`);
  },

  async kick({ session, store }, argument, command) {
    const [who, reason] = split(needed(argument, command));
    await session.request("kick", { who, reason: reason || undefined });
    store.note(`${who} is out, and may come back; /ban keeps somebody out.`);
  },

  async mute({ session, store }, argument, command) {
    const order = sentence(needed(argument, command));
    await session.request("mute", order);
    store.note(`${order.who} is muted${during(order.seconds)}; /unmute ${order.who} ends it.`);
  },

  async unmute({ session, store }, argument, command) {
    await session.request("unmute", { who: needed(argument, command) });
    store.note(`${argument} may talk again.`);
  },

  async ban({ session, store }, argument, command) {
    const [flag, rest] = split(needed(argument, command));
    const address = flag === "-a";
    const order = sentence(address ? rest : argument);
    if (!order.who) throw new Error(`Something is missing: type ${command.usage}`);
    await session.request("ban", { ...order, address: address || undefined });
    const also = address ? " and the address are" : " is";
    store.note(`${order.who}${also} banned${during(order.seconds)}; /bans shows who is.`);
  },

  async unban({ session, store }, argument, command) {
    await session.request("unban", { who: needed(argument, command) });
    store.note(`${argument} may come in again.`);
  },

  async bans({ dialogs }) {
    await dialogs.bans();
  },

  async op({ session, store }, argument, command) {
    await session.request("op", { who: needed(argument, command) });
    noteUnlessHere(store, argument, `${argument} is a moderator now; /deop ${argument} ends it.`);
  },

  async deop({ session, store }, argument, command) {
    await session.request("deop", { who: needed(argument, command) });
    noteUnlessHere(store, argument, `${argument} is a member now.`);
  },

  async slow({ session, store }, argument, command) {
    const word = needed(argument, command);
    const seconds = ["off", "0", "0s"].includes(word) ? 0 : parseDuration(word);
    if (seconds > UNITS.d) throw new Error(`"${word}" is too slow: it is 1d at the most.`);
    await session.request("slow", { room: roomHere(store).name, seconds });
  },

  async lock({ session, store }, argument) {
    const room = argument ? roomName(argument) : roomHere(store).name;
    await session.request("lock", { room, locked: true });
    tellUnlessSeen(store, room, `${placeOf(room)} locked; /unlock ${room} opens it.`);
  },

  async unlock({ session, store }, argument) {
    const room = argument ? roomName(argument) : roomHere(store).name;
    await session.request("lock", { room, locked: false });
    tellUnlessSeen(store, room, `${placeOf(room)} open again.`);
  },

  async announce({ session, store }, argument, command) {
    let text = needed(argument, command);
    let room;
    if (text.startsWith("#")) {
      const [name, rest] = split(text);
      room = roomName(name);
      text = needed(rest, command);
    }
    await session.request("announce", { text, room });
    tellUnlessSeen(store, room, "It was announced.");
  },
};

function roomOrAll(store, word) {
  if (word === ALL) return undefined;
  return word ? roomName(word) : roomHere(store).name;
}

// Say that something was done, unless a notice in one of the user's rooms says so.
function tellUnlessSeen(store, room, text) {
  if (room === undefined ? store.rooms.size === 0 : !store.rooms.has(room)) store.note(text);
}

// Say what somebody is now, unless a room that the user shares with them is told.
function noteUnlessHere(store, nick, text) {
  const seen = [...store.rooms.values()].some((room) => room.nicks.has(fold(nick)));
  if (!seen) store.note(text);
}

function placeOf(room) {
  return room === undefined ? "All rooms are" : `#${room} is`;
}

function during(seconds) {
  return seconds === undefined ? "" : ` for ${spoken(seconds)}`;
}
