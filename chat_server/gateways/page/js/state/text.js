// Nicks and texts: what is compared, what is highlighted, what is left out.

const HUES = 12; // classes hue-0 ... hue-11 in css/tokens.css

// What turns the direction of writing for all that follows.
const OVERRIDES = /[\u202a-\u202e\u2066-\u2069]/g;

// Scripts without spaces between words, and Korean, which appends particles to a name.
const SPACELESS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const APPENDING =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Hangul}]/u;
const WORD = /[\p{L}\p{N}\p{M}_]/u;

/** Return what two nicks are compared by. */
export function fold(nick) {
  return nick.normalize("NFC").toLowerCase();
}

/** Return a text as it may be shown. */
export function shown(text) {
  return text.replace(OVERRIDES, "");
}

/** Return the number of the colour that a nick has, the same on every screen. */
export function hue(nick) {
  let hash = 2166136261;
  for (const character of fold(nick)) {
    hash = Math.imul(hash ^ character.codePointAt(0), 16777619) >>> 0;
  }
  return hash % HUES;
}

/** Return one or two characters that stand for a nick. */
export function initials(nick) {
  return [...nick].slice(0, 1).join("").toUpperCase();
}

/** Return where `nick` stands in `text` as a word: [[start, end], ...]. */
export function mentions(nick, text) {
  const found = [];
  if (!nick) return found;
  const wanted = nick.toLowerCase();
  const lower = text.toLowerCase();
  if (lower.length !== text.length) return found; // some capital has no small letter of its size
  let start = lower.indexOf(wanted);
  while (start >= 0) {
    const end = start + wanted.length;
    const before = [...text.slice(Math.max(0, start - 2), start)].pop() ?? "";
    const after = [...text.slice(end, end + 2)][0] ?? "";
    if (!joined(wanted[0], before, SPACELESS) && !joined(wanted.at(-1), after, APPENDING)) {
      found.push([start, end]);
    }
    start = lower.indexOf(wanted, end);
  }
  return found;
}

// Whether the first or last character of a nick and the one beside it are of one word.
function joined(edge, neighbour, spaceless) {
  if (!neighbour || !WORD.test(neighbour)) return false;
  if (!/[\p{L}\p{M}]/u.test(neighbour)) return true; // ana2 is somebody else
  if (APPENDING.test(edge) !== APPENDING.test(neighbour)) return false;
  return !(spaceless.test(edge) || spaceless.test(neighbour));
}

/** Return how a text begins that is shown in one line, without the path of a file. */
export function inBrief(text) {
  return shown(text).replace(/\s+/g, " ").replace(/: \/files\/[0-9a-f]{32}\/\S*$/, "");
}
