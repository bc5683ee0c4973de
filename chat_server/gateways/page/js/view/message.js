// One message as a list item: name, text, time, in this order for a screen reader.

import { h } from "../dom.js";
import { hue, initials, shown } from "../state/text.js";
import { iso, moment, timeOfDay } from "../state/time.js";
import { richText } from "./rich_text.js";

/**
 * Make the list item of a message.
 *
 * @param {object} message - as the protocol has it.
 * @param {string} nick - who the user is.
 */
export function messageItem(message, nick) {
  const { kind, from } = message;
  const item = h(`li.message.is-${known(kind)}`, { data: { seq: message.seq }, tabindex: "-1" });
  if (from === nick) item.classList.add("own");
  const text = h("div.text", { dir: "auto" }, ...body(message, nick));
  if (kind !== "notice" && from !== nick && text.querySelector("mark")) item.classList.add("named");
  item.append(avatar(from), name(message), text, time(message.time));
  return item;
}

/** Make the item of a line that did not arrive yet, without its actions. */
export function unsentItem(line, nick) {
  const kind = line.kind === "action" ? "action" : "text";
  const item = h(`li.message.own.pending.is-${kind}`);
  const text = h("div.text", { dir: "auto" }, ...richText(line.text, nick));
  item.append(avatar(nick), name({ from: nick }), text);
  return item;
}

function known(kind) {
  return ["text", "action", "topic", "notice"].includes(kind) ? kind : "text";
}

function body(message, nick) {
  if (message.kind !== "topic") return richText(message.text, nick);
  if (!message.text) return ["cleared the topic"];
  return ["set the topic: ", h("q", {}, ...richText(message.text, nick))];
}

function avatar(nick) {
  return h(`span.avatar.hue-${hue(nick)}`, { "aria-hidden": "true" }, initials(shown(nick)));
}

function name({ from, bot, late, time }) {
  const button = h(`button.name.hue-${hue(from)}`, { type: "button", data: { nick: from } });
  button.append(h("bdi", {}, shown(from)));
  const tags = [bot && "bot", late && `sent ${moment(time)}, while you were away`].filter(Boolean);
  return h("span.who", {}, button, ...tags.map((tag) => h("span.tag", {}, tag)));
}

function time(seconds) {
  return h("time", { datetime: iso(seconds), title: moment(seconds) }, timeOfDay(seconds));
}
