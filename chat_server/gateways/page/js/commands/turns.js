// The commands for hands and polls.

import { savePolls } from "../state/poll_table.js";
import { needed, roomHere, split } from "./arguments.js";

const NAMED = "--named";

export const TURNS = {
  async hand({ store }, argument) {
    const room = roomHere(store);
    if (argument === "down") {
      await store.turns.lower(room);
      store.note("Your hand is down.");
      return;
    }
    const place = await store.turns.raise(room, argument === "up" ? "" : argument);
    store.note(place ? `Your hand is up, number ${place} in the queue.` : "Your hand is up.");
  },

  async hands({ store }) {
    const room = roomHere(store);
    if (!store.inCharge) {
      store.note(room.handUp ? `Your hand is up, number ${room.place} in the queue.` : "Your hand is not up.");
      return;
    }
    await store.turns.load(room);
    const listed = room.hands.map((nick, number) => {
      const question = room.asked.get(nick)?.question;
      return `${number + 1}. ${nick}${question ? `: ${question}` : ""}`;
    });
    store.note(listed.length ? `Hands up in #${room.name}:\n${listed.join("\n")}` : "No hand is up.");
  },

  async next({ session, store }) {
    const { nick } = await session.request("next", { room: roomHere(store).name });
    if (!nick) store.note("No hand is up: nobody has the floor.");
  },

  async poll({ session, store, history, dialogs }, argument, command) {
    const room = roomHere(store);
    const [word, rest] = split(argument);
    if (!argument) {
      dialogs.poll();
    } else if (argument === "end") {
      await session.request("end_poll", { room: room.name });
    } else if (word === "csv") {
      const count = savePolls(await history.polls(room), rest || `polls-${room.name}.csv`);
      if (!count) throw new Error("No poll has ended in this room.");
    } else {
      const named = word === NAMED;
      const { question, options } = readPoll(named ? rest : argument, command);
      await session.request("poll", { room: room.name, question, options, named: named || undefined });
    }
  },

  async vote({ store }, argument, command) {
    const choice = Number(needed(argument, command));
    if (!Number.isInteger(choice) || choice < 1 || choice > 10) throw new Error(`"${argument}" is no number of an option: type /vote 2`);
    await store.turns.vote(roomHere(store), choice);
  },
};

// The question ends with the last question mark before the first |; without one, there.
function readPoll(text, command) {
  const [first, ...others] = text.split("|");
  const end = first.lastIndexOf("?") + 1;
  const question = (end ? first.slice(0, end) : first).trim();
  const options = [...(end ? [first.slice(end)] : []), ...others].map((each) => each.trim()).filter(Boolean);
  if (!question || options.length < 2) {
    throw new Error(`A poll has a question and two options or more: type ${command.usage}`);
  }
  return { question, options };
}
