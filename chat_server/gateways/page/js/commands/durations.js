// How long something lasts, as people write and read it: 30s, 10m, 2h, 1d, 1h30m.

export const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 };
const LONGEST = 1_000_000_000; // seconds; the protocol's bound
const NAMES = { d: "day", h: "hour", m: "minute", s: "second" };

/** Whether a word is meant for a duration: a number, whatever stands behind it. */
export function isDuration(word) {
  return /^[0-9]/.test(word);
}

/** Return the seconds of a duration. Throws an Error that says the rule. */
export function parseDuration(word) {
  if (!/^([0-9]{1,9}[smhd])+$/i.test(word)) {
    throw new Error(`"${word}" is no duration: one is 30s, 10m, 2h or 1d`);
  }
  let seconds = 0;
  for (const [, count, unit] of word.matchAll(/([0-9]+)([smhd])/gi)) {
    seconds += Number(count) * UNITS[unit.toLowerCase()];
  }
  if (seconds > 0 && seconds <= LONGEST) return seconds;
  throw new Error(`"${word}" cannot be: a duration is from 1s to ${Math.floor(LONGEST / UNITS.d)}d`);
}

/** Return a duration in words, such as "10 minutes", in its two largest units. */
export function spoken(seconds) {
  let left = Math.max(1, Math.round(seconds));
  const parts = [];
  for (const [letter, name] of Object.entries(NAMES)) {
    const count = Math.floor(left / UNITS[letter]);
    left %= UNITS[letter];
    if (count) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
    else if (parts.length) break;
  }
  return parts.slice(0, 2).join(" ");
}
