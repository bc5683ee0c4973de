// Times and days, as the reader's browser writes them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** The time of day. `seconds` since 1970. */
export function timeOfDay(seconds) {
  return clock.format(seconds * 1000);
}

/** Day and time, for a tooltip and for what was found. */
export function moment(seconds) {
  return full.format(seconds * 1000);
}

/** The machine's way to write it, for <time datetime>. */
export function iso(seconds) {
  return new Date(seconds * 1000).toISOString();
}

/** A key that two moments share if they are on one day here. */
export function dayKey(seconds) {
  return new Date(seconds * 1000).toDateString();
}

/** The name of a day. */
export function dayName(seconds) {
  const today = dayKey(Date.now() / 1000);
  const yesterday = dayKey(Date.now() / 1000 - 86_400);
  const name = date.format(seconds * 1000);
  if (dayKey(seconds) === today) return `Today, ${name}`;
  if (dayKey(seconds) === yesterday) return `Yesterday, ${name}`;
  return name;
}
