// What Tab puts in: commands, nicks, rooms, durations. A command's usage says what it takes.

import { Room } from "../state/room.js";
import { isDuration, UNITS } from "./durations.js";

const REST = new Set(["TEXT", "REASON", "WORDS", "WHY"]); // goes on to the end of the line
const IN_CHARGE = "in charge";

/**
 * Return where the word before the cursor begins, and what could stand there instead.
 *
 * @param {string} before - the text before the cursor.
 * @param {Store} store - who spoke and who is there.
 * @param {CommandTable} table - what can be typed.
 */
export function candidates(before, store, table) {
  const start = Math.max(before.lastIndexOf(" "), before.lastIndexOf("\n")) + 1;
  const word = before.slice(start);
  if (start === 0 && word.startsWith("/") && !word.startsWith("//")) {
    const found = table.all
      .filter((command) => command.group !== IN_CHARGE || store.inCharge)
      .map((command) => `/${command.name} `);
    return { start, found: found.filter((name) => name.startsWith(word.toLowerCase())) };
  }
  if (word.startsWith("#")) return { start, found: rooms(word.slice(1), store).map((name) => `#${name} `) };
  if (!before.startsWith("/") || before.startsWith("//")) {
    if (!word) return { start, found: [] };
    const mark = word.startsWith("@") ? 1 : 0;
    const ending = start === 0 ? ": " : " ";
    return { start, found: nicks(word.slice(mark), store).map((nick) => `${nick}${ending}`) };
  }
  const [name, ...words] = before.slice(0, start).trim().split(/\s+/);
  const usage = table.find(name.slice(1))?.usage ?? "";
  return { start, found: argumentsOf(usage, words, word, store).map((each) => `${each} `) };
}

function argumentsOf(usage, words, word, store) {
  let places = placesOf(usage);
  for (const typed of words) {
    const index = places.findIndex((place, number) => isReachable(places, number) && takes(place, typed, store));
    if (index < 0) return [];
    places = places.slice(places[index].lasting ? index : index + 1);
  }
  const found = new Set();
  places.forEach((place, number) => {
    if (!isReachable(places, number)) return;
    for (const kind of place.kinds) for (const each of meant(kind, word, store)) found.add(each);
  });
  return [...found];
}

// The words of a usage: what may stand there, whether it may be left out, stands only behind the
// one before it, and may stand there again.
function placesOf(usage) {
  const places = [];
  const text = usage.includes(" ") ? usage.slice(usage.indexOf(" ") + 1) : "";
  for (const group of text.match(/\[[^\]]*\]|\S+/g) ?? []) {
    const optional = group.startsWith("[");
    const words = group.replace(/^\[|\]$/g, "").split(" ");
    const several = words.at(-1) === "...";
    if (several) words.pop();
    words.forEach((each, number) => {
      const kinds = each.split("|");
      const lasting = REST.has(kinds[0]) || (several && number === words.length - 1);
      places.push({ kinds, optional, tied: number > 0, lasting });
    });
  }
  return places;
}

function isReachable(places, number) {
  if (number > 0 && places[number].tied) return false;
  return places.slice(0, number).every((place) => place.optional);
}

function takes(place, word, store) {
  return !place.optional || place.kinds.some((kind) => fits(kind, word, store));
}

function fits(kind, word, store) {
  if (kind === "DURATION") return isDuration(word);
  if (kind === "ROOM") return store.rooms.has(word.replace(/^#/, ""));
  if (/^[#@]/.test(kind)) return word.startsWith(kind[0]);
  return kind === kind.toUpperCase() || kind === word;
}

function meant(kind, word, store) {
  if (kind === "NICK") {
    const raised = store.current?.hands ?? [];
    return [...raised.filter((nick) => nick.startsWith(word)), ...nicks(word, store)];
  }
  if (REST.has(kind) || kind === "WHO") return word || kind === "WHO" ? nicks(word, store) : [];
  if (kind === "ROOM") return rooms(word, store);
  if (kind === "DURATION") return durations(word);
  return kind === kind.toLowerCase() && kind.startsWith(word) ? [kind] : [];
}

function durations(word) {
  if (/^[0-9]+$/.test(word)) return Object.keys(UNITS).map((unit) => `${word}${unit}`);
  return ["30s", "10m", "2h", "1d"].filter((usual) => usual.startsWith(word));
}

function rooms(word, store) {
  return [...store.rooms.keys()].sort().filter((name) => name.startsWith(word));
}

function nicks(word, store) {
  return store.current instanceof Room ? store.people.beginningWith(word, store.current) : [];
}
