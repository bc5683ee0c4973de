// The commands for talking, for reading back, and for people.

import { Room } from "../state/room.js";
import { fold } from "../state/text.js";
import { needed, roomHere, split } from "./arguments.js";

const PAGE = 200; // messages that /history goes back without a number

export const TALK = {
  me({ store }, argument, command) {
    if (!store.current) throw new Error("You are in no room: type /join ROOM");
    store.say(needed(argument, command), "action");
  },

  async msg({ store, look }, argument, command) {
    const [nick, text] = split(needed(argument, command));
    if (!text) throw new Error(`Something is missing: type ${command.usage}`);
    const place = store.conversation(nick.replace(/^@/, ""));
    look(place);
    await store.tell(place, text);
  },

  async answer({ store, look }, argument, command) {
    if (!store.writer) throw new Error("Nobody has sent you a direct message yet: type /msg NICK TEXT");
    const place = store.conversation(store.writer);
    look(place);
    await store.tell(place, needed(argument, command));
  },

  query({ store, look }, argument) {
    const [nick] = split(argument);
    const room = [...store.rooms.values()][0] ?? null;
    look(nick ? store.conversation(nick.replace(/^@/, "")) : room);
  },

  async history({ store, log, history }, argument, command) {
    const room = roomHere(store);
    const [, hour, minute] = /^(\d{1,2}):(\d{2})$/.exec(argument) ?? [];
    if (hour !== undefined) {
      const moment = new Date();
      moment.setHours(Number(hour), Number(minute), 0, 0);
      if (moment > Date.now()) moment.setDate(moment.getDate() - 1);
      const seq = await history.since(room, moment / 1000);
      if (seq === null) throw new Error(`Nothing was said since ${argument}.`);
      await log.reveal(seq);
      return;
    }
    const count = argument ? Number(argument) : PAGE;
    if (!Number.isInteger(count) || count < 1) throw new Error(`Type ${command.usage}`);
    await log.back(count);
  },

  search({ store, search }, argument) {
    roomHere(store);
    search.open(argument);
  },

  ignore({ store, settings }, argument) {
    const hidden = settings.get("ignored");
    if (!argument) {
      store.note(hidden.length ? `Hidden: ${hidden.join(", ")}` : "Nobody is hidden.");
      return;
    }
    settings.ignore(argument);
    store.note(`${argument} is hidden; /unignore ${argument} undoes that.`);
  },

  unignore({ store, settings }, argument, command) {
    if (!settings.ignores(needed(argument, command))) {
      throw new Error(`${argument} is not hidden: /ignore shows who is.`);
    }
    settings.unignore(argument);
    store.note(`${argument} is shown again.`);
  },

  focus({ store }, argument) {
    store.focused = new Set(argument.split(/\s+/).filter(Boolean).map(fold));
    store.note(argument ? `Only shown: ${argument}` : "Everybody is shown.");
  },

  quiet({ store, settings }) {
    settings.set("quiet", !settings.get("quiet"));
    store.note(`Who comes and goes is ${settings.get("quiet") ? "not told" : "told"}.`);
  },
};

/** Commands that go to another place. */
export const PLACES = {
  join({ store, enter }, argument, command) {
    enter(needed(argument, command));
    store.focused.clear();
  },

  switch({ store, look, step }, argument) {
    const wanted = argument.replace(/^#/, "").toLowerCase();
    if (!wanted) {
      step(1);
      return;
    }
    const place = store.rooms.get(wanted) ?? [...store.rooms.values()][Number(wanted) - 1];
    if (!place) throw new Error(`You are in no room "${wanted}": type /join ROOM`);
    look(place);
  },

  async leave({ store }, argument) {
    const name = argument.replace(/^#/, "").toLowerCase();
    const room = name ? store.rooms.get(name) : store.current;
    if (room && !(room instanceof Room)) {
      store.forget(room);
      return;
    }
    if (!room) throw new Error(`You are in no room "${name}".`);
    await store.leave(room);
  },

  rooms({ dialogs }) {
    dialogs.browse();
  },

  async topic({ session, store }, argument) {
    const room = roomHere(store);
    if (!argument) {
      store.note(room.topic ? `The topic of #${room.name}: ${room.topic}` : "There is no topic.");
      return;
    }
    await session.request("topic", { room: room.name, topic: argument === "-" ? "" : argument });
  },

  async who({ store }) {
    const room = roomHere(store);
    await store.people.load(room);
    const nicks = store.people.in(room);
    store.note(`${room.members} in #${room.name}: ${nicks.join(", ")}`);
  },
};
