// What was typed behind a command's name, in parts.

import { Room } from "../state/room.js";
import { isDuration, parseDuration } from "./durations.js";

/** Return the argument. Throws an Error that says how the command is typed if there is none. */
export function needed(argument, command) {
  if (!argument) throw new Error(`Something is missing: type ${command.usage}`);
  return argument;
}

/** Return the first word and the rest of the line. */
export function split(text) {
  const [, word = "", rest = ""] = /^(\S*)\s*([^]*)$/.exec(text.trim()) ?? [];
  return [word, rest.trim()];
}

/** Return {who, seconds, reason}; `seconds` is undefined for ever. */
export function sentence(text) {
  const [who, rest] = split(text);
  const [word, reason] = split(rest);
  if (!isDuration(word)) return { who, seconds: undefined, reason: rest || undefined };
  return { who, seconds: parseDuration(word), reason: reason || undefined };
}

/** Return the room that the user looks at. Throws an Error if that is none. */
export function roomHere(store) {
  if (store.current instanceof Room) return store.current;
  throw new Error("This is for a room: choose one, or type /join ROOM");
}

/** Return a room's name that was typed, with or without its #. */
export function roomName(text) {
  return text.replace(/^#/, "").toLowerCase();
}
