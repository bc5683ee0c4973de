// The commands for messages that were said: answer, edit and delete them, and see their numbers.

import { byId } from "../dom.js";
import { needed, roomHere, split } from "./arguments.js";

export const CHANGES = {
  reply({ store }, argument, command) {
    const room = roomHere(store);
    const [first, text] = split(needed(argument, command));
    if (!text) throw new Error(`Something is missing: type ${command.usage}`);
    const seq = numberOf(first);
    if (seq === null && store.writer) {
      const known = room.latest(first)?.seq ?? "SEQ";
      throw new Error(
        `Not said. To answer ${store.writer}, who wrote to you alone, type /r TEXT; ` +
          `to reply here, type /reply ${known} TEXT`,
      );
    }
    store.say(text, "text", { reply_to: seq ?? latest(room, first, store).seq });
  },

  async edit({ store, session }, argument, command) {
    const room = roomHere(store);
    const [first, rest] = split(needed(argument, command));
    const seq = numberOf(first);
    if (seq !== null && !rest) throw new Error(`What is message ${seq} to say? Type ${command.usage}`);
    const change = seq === null ? { seq: latest(room, store.nick, store).seq, text: argument } : { seq, text: rest };
    await session.request("edit", { room: room.name, ...change });
  },

  async delete({ store, session }, argument) {
    const room = roomHere(store);
    const [first, reason] = split(argument);
    const seq = meant(first || store.nick, room, store);
    await session.request("delete", { room: room.name, seq, reason: reason || undefined });
  },

  numbers({ store }, argument, command) {
    if (!["", "on", "off"].includes(argument)) throw new Error(`Type ${command.usage}`);
    const wanted = argument ? argument === "on" : undefined;
    const shown = byId("messages").classList.toggle("numbers", wanted);
    store.note(shown ? "Each message is shown with its number." : "Messages have no numbers now.");
  },
};

/** Return the number of the message that a word means: its number, or the latest of a nick. */
export function meant(word, room, store) {
  return numberOf(word.replace(/^#(?=\d+$)/, "")) ?? latest(room, word, store).seq;
}

// The seq that a word is: `12`, or with its room, `#lobby/12`; null if it is none.
function numberOf(word) {
  const [, digits] = /^(?:#[^/]*\/)?([1-9]\d{0,14})$/.exec(word) ?? [];
  return digits ? Number(digits) : null;
}

function latest(room, nick, store) {
  const found = room.latest(nick);
  if (found) return found;
  const whose = nick === store.nick ? "of yours" : `of "${nick}"`;
  throw new Error(`No message ${whose} is on the page: /numbers shows the numbers of all.`);
}
