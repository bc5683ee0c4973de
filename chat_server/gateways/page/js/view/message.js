// One message as a list item: name, text, time, in this order for a screen reader.

import { codeBlock } from "../board/code_block.js";
import { fileItem } from "../board/files.js";
import { button, h } from "../dom.js";
import { hue, inBrief, initials, shown } from "../state/text.js";
import { iso, moment, timeOfDay } from "../state/time.js";
import { badge } from "./badge.js";
import { pollBody } from "./poll_result.js";
import { richText } from "./rich_text.js";

/**
 * Make the list item of a message.
 *
 * @param {object} message - as the protocol has it.
 * @param {string} nick - who the user is.
 * @param {object|null|undefined} answered - the message that it answers, where the page has it.
 * @param {boolean} images - whether an image that it offers is shown.
 */
export function messageItem(message, nick, answered = null, images = false) {
  const { kind, from } = message;
  const item = h(`li.message.is-${known(kind)}`, { data: { seq: message.seq }, tabindex: "-1" });
  if (from === nick) item.classList.add("own");
  const text = h("div.text", { dir: "auto" }, ...body(message, nick, images));
  if (kind !== "notice" && from !== nick && text.querySelector("mark")) item.classList.add("named");
  if (message.deleted) item.classList.add("is-deleted");
  const about = message.reply_to ? quote(message.reply_to, answered) : null;
  item.append(avatar(from), name(message), ...(about ? [about] : []), text, time(message));
  if (!message.changes) item.append(actions());
  return item;
}

/** Make the item of a line that did not arrive yet, without its actions. */
export function unsentItem(line, nick) {
  const kind = line.kind === "action" ? "action" : "text";
  const item = h(`li.message.own.pending.is-${kind}`);
  const text = h("div.text", { dir: "auto" }, ...body({ ...line, kind: line.kind === "code" ? "code" : kind }, nick));
  item.append(avatar(nick), name({ from: nick }), text);
  return item;
}

function known(kind) {
  const KNOWN = ["text", "action", "code", "file", "topic", "notice", "edit", "delete", "poll"];
  return KNOWN.includes(kind) ? kind : "text";
}

function body(message, nick, images = false) {
  const { changes, edited, deleted } = message;
  if (message.kind === "edit") return ["edited ", toMessage(changes), deleted ? ", deleted since" : ""];
  if (message.kind === "delete") return deletion(message);
  if (message.poll) return pollBody(message);
  if (message.kind === "file") return fileItem(message, images);
  const mark = edited && !deleted ? [h("span.edited", {}, " (edited)")] : [];
  if (message.kind === "code") return [codeBlock(shown(message.text), message.language ?? ""), ...mark];
  if (mark.length) return [...richText(message.text, nick), ...mark];
  if (message.kind !== "topic") return richText(message.text, nick);
  if (!message.text) return ["cleared the topic"];
  return ["set the topic: ", h("q", {}, ...richText(message.text, nick))];
}

// What the server says of a deletion begins with the number, which is a link here.
function deletion({ changes, text }) {
  const why = text.replace(`deleted message ${changes}`, "");
  return ["deleted ", toMessage(changes), why];
}

function toMessage(seq) {
  return button(`message ${seq}`, () => null, { class: "to-message", "data-to": seq });
}

function quote(seq, answered) {
  const text = answered ? `${shown(answered.from)}: ${inBrief(answered.text)}` : `message ${seq}`;
  const line = button("", () => null, { class: "quote to-message", "data-to": seq });
  line.append(h("span.offscreen", {}, "answers "), h("bdi", {}, text));
  return line;
}

// For the mouse alone: Enter on the message opens all of it.
function actions() {
  return h("span.actions", { "aria-hidden": "true" }, action("do-reply", "Reply", "↩"), action("do-more", "More", "⋯"));
}

function action(name, title, sign) {
  return button(sign, () => null, { class: name, "aria-label": title, title, tabindex: "-1" });
}

function avatar(nick) {
  return h(`span.avatar.hue-${hue(nick)}`, { "aria-hidden": "true" }, initials(shown(nick)));
}

function name({ from, bot, role, late, time }) {
  const button = h(`button.name.hue-${hue(from)}`, { type: "button", data: { nick: from } });
  button.append(h("bdi", {}, shown(from)));
  const tags = [];
  if (bot) tags.push(h("span.tag", {}, "bot"));
  if (late) tags.push(h("span.tag", { title: `Sent ${moment(time)}, while you were away` }, "late"));
  return h("span.who", {}, badge(role), button, ...tags);
}

function time({ time: seconds, seq }) {
  const title = `${moment(seconds)}, message ${seq}`;
  return h("time", { datetime: iso(seconds), title, data: { seq } }, timeOfDay(seconds));
}
