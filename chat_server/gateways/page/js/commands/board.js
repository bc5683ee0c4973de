// The commands for code and for what stands at the top of a room.

import { saveText } from "../board/code_block.js";
import { fetchFile } from "../board/files.js";
import { Room } from "../state/room.js";
import { needed, roomHere, split } from "./arguments.js";
import { meant } from "./changes.js";

const LANGUAGE = /^[A-Za-z0-9][A-Za-z0-9+#._-]{0,31}$/;

export const BOARD = {
  // A language stands alone on the first line; the block begins on the next.
  code({ store }, argument, command) {
    if (!(store.current instanceof Room)) throw new Error("Code is for a room: choose one, or type /join ROOM");
    let [, first, rest] = /^([^\n]*)\n?([^]*)$/.exec(needed(argument, command));
    first = first.trim();
    if (!argument.includes("\n") || (first && !LANGUAGE.test(first))) [first, rest] = ["", argument];
    if (!rest.trim()) throw new Error("There is no code: put it on the lines below /code [LANGUAGE]");
    store.say(rest.trimEnd(), "code", { language: first || undefined });
  },

  async save({ session, store }, argument, command) {
    const room = roomHere(store);
    const [number, name] = split(needed(argument, command));
    if (!name) throw new Error(`Something is missing: type ${command.usage}`);
    const seq = seqOf(number, command);
    const { messages } = await session.request("history", { room: room.name, after: Math.max(0, seq - 1), limit: 1 });
    if (messages?.[0]?.seq !== seq) throw new Error(`There is no message ${seq} in #${room.name}.`);
    saveText(messages[0].text, name);
  },

  // A page cannot open a file by its name: the user chooses it.
  send({ drop, store }) {
    roomHere(store);
    drop.choose();
  },

  async get({ session, store }, argument, command) {
    const room = roomHere(store);
    const seq = seqOf(split(needed(argument, command))[0], command);
    const { messages } = await session.request("history", { room: room.name, after: Math.max(0, seq - 1), limit: 1 });
    if (messages?.[0]?.seq !== seq || messages[0].kind !== "file") throw new Error(`Message ${seq} offers no file.`);
    fetchFile(messages[0]);
  },

  pins({ store }) {
    const room = roomHere(store);
    if (!room.pins.length) store.note(`Nothing is pinned in #${room.name}.`);
    for (const { seq, from, text } of room.pins) store.note(`Pinned ${seq}: ${from}: ${text}`);
  },

  async pin({ session, store }, argument, command) {
    const room = roomHere(store);
    await session.request("pin", { room: room.name, seq: meant(needed(argument, command), room, store) });
  },

  async unpin({ session, store }, argument, command) {
    await session.request("unpin", { room: roomHere(store).name, seq: seqOf(needed(argument, command), command) });
  },
};

/** Return the number of a message that was typed. Throws an Error if it is none. */
export function seqOf(text, command) {
  const [, number] = /^#?(\d{1,15})$/.exec(text) ?? [];
  if (!number) throw new Error(`"${text}" is no number: type ${command.usage}`);
  return Number(number);
}
