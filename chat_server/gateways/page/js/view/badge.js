// The mark of who is in charge. It is drawn, not written: no nick can look like it.

import { h, icon } from "../dom.js";

const WORDS = { owner: "owner", moderator: "moderator" };

/** Make the mark of a role; null for members. */
export function badge(role) {
  const word = WORDS[role];
  if (!word) return null;
  return h(`span.rank.is-${word}`, { title: word, role: "img", "aria-label": word }, icon("shield"));
}
