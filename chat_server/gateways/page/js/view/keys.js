// The keys that work everywhere on the page.

import { byId } from "../dom.js";

/** What help shows of them. */
export const KEYS = [
  ["Enter", "sends; Shift+Enter makes a new line"],
  ["Tab", "completes commands, nicks, rooms; again for the next. With nothing to complete it goes on to the next control"],
  ["Up", "in an empty field: what you typed before"],
  ["Page Up, Page Down", "scroll the messages"],
  ["Alt+Up, Alt+Down", "the room before, the next room"],
  ["Alt+Shift+Up, Alt+Shift+Down", "the same, of those with unread messages"],
  ["Alt+A", "the room with the most important news"],
  ["Ctrl+K", "go to a room or person by name"],
  ["Escape", "closes what is open; then to the end of the messages"],
  ["Enter in the messages", "goes into the list; Up and Down go through it, Enter opens what can be done"],
];

/**
 * Listen to the keyboard.
 *
 * @param {object} actions - `step(by, unread)`, `busiest()`, `switcher()`, `escape()`, `type()`.
 */
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (byId("app").hidden || document.querySelector("dialog[open]")) return;
    const done = chosen(event, actions);
    if (!done) return;
    event.preventDefault();
    done();
  });
  document.addEventListener("keydown", (event) => {
    if (isText(event) && isNowhere(document.activeElement)) actions.type();
  });
}

function chosen(event, actions) {
  const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
  const step = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (altKey && !ctrlKey && !metaKey && step) return () => actions.step(step, shiftKey);
  if (altKey && !ctrlKey && event.code === "KeyA") return () => actions.busiest();
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k") return () => actions.switcher();
  if (key === "Escape") return () => actions.escape();
  return null;
}

function isText({ key, altKey, ctrlKey, metaKey }) {
  return [...key].length === 1 && key !== " " && !altKey && !ctrlKey && !metaKey;
}

function isNowhere(element) {
  if (byId("app").hidden || document.querySelector("dialog[open]")) return false;
  return !element || element === document.body || Boolean(element.closest(".scroller"));
}
