// Runs what was typed.

import { EXPORT } from "./export.js";
import { LATE } from "./late.js";
import { CHANGES } from "./changes.js";
import { BOARD } from "./board.js";
import { MODERATION } from "./moderation.js";
import { RULES } from "./rules.js";
import { PLACES, TALK } from "./talk.js";
import { TURNS } from "./turns.js";
import { PAGE, YOU } from "./you.js";

const RUN = {
  ...TALK,
  ...CHANGES,
  ...TURNS,
  ...BOARD,
  ...PLACES,
  ...YOU,
  ...LATE,
  ...EXPORT,
  ...PAGE,
  ...MODERATION,
  ...RULES,
};

/** The names of the commands that the page can run. */
export const NAMES = Object.keys(RUN);

/**
 * Run a line that was typed.
 *
 * @param {object} app - what commands work on; main.js makes it.
 * @param {string} line - the line.
 * @returns {string} "" if it was done; otherwise why not, and then the line is to be mended.
 */
export async function runLine(app, line) {
  try {
    const { text, command, argument } = app.table.parse(line);
    if (text !== undefined) {
      sayText(app, text);
      return "";
    }
    await RUN[command.name](app, argument, command);
    return "";
  } catch (error) {
    if (error instanceof TypeError || error instanceof ReferenceError) throw error; // our mistake
    return error.message;
  }
}

function sayText({ store, session, answering }, text) {
  if (!store.current) throw new Error("You are in no room: type /join ROOM");
  const longest = session.limits.text ?? 4000;
  const length = [...text.normalize("NFC")].length;
  if (length > longest) {
    throw new Error(`This is too long by ${length - longest} characters; the server takes ${longest}.`);
  }
  store.say(text, "text", { reply_to: answering.take() });
}
