// What can be done about a person, and about a message of theirs.

import { h } from "../dom.js";
import { hue, initials, shown } from "../state/text.js";
import { copyText } from "../view/clipboard.js";
import { choice, choices, field, form, openDialog } from "./dialog.js";
import { messageChoices } from "./message.js";

const DURATIONS = [
  ["", "until somebody ends it"],
  ["10m", "10 minutes"],
  ["1h", "1 hour"],
  ["1d", "1 day"],
];

/**
 * Open what can be done about somebody.
 *
 * @param {object} app - what commands work on.
 * @param {string} nick - who.
 * @param {HTMLElement|null} message - the item of the message, where one was chosen.
 */
export function openPerson(app, nick, message = null) {
  const { store, settings, look, run, mention } = app;
  const own = nick === store.nick;
  const entries = [];
  if (!own) {
    entries.push(["Send a direct message", () => look(store.conversation(nick))]);
    entries.push(["Mention", () => mention(nick)]);
    const ignored = settings.ignores(nick);
    entries.push([ignored ? "Show again" : "Hide what they say", () => run(`/${ignored ? "un" : ""}ignore ${nick}`)]);
  }
  if (message) {
    const said = store.current.message(Number(message.dataset.seq));
    const inRoom = said?.room ? messageChoices(app, said) : [];
    if (said?.room && store.inCharge) inRoom.push(["Pin it to the top of the room", () => run(`/pin ${said.seq}`)]);
    entries.unshift(...inRoom, ["Copy the text", () => copyText(textOf(message))]);
  }
  const content = [choices(entries, () => dialog)];
  if (!own && store.inCharge) content.push(moderation(app, nick, () => dialog));
  const dialog = openDialog(shown(nick), ...content);
  const avatar = h(`span.avatar.hue-${hue(nick)}`, { "aria-hidden": "true" }, initials(shown(nick)));
  dialog.querySelector("h2").prepend(avatar);
}

function moderation(app, nick, dialog) {
  const { store, run } = app;
  const entries = [];
  if (store.current?.frozen) entries.push(["Let speak", () => run(`/freeze but ${nick}`)]);
  entries.push(["Mute …", () => openOrder(app, "mute", nick)]);
  entries.push(["Unmute", () => run(`/unmute ${nick}`)]);
  entries.push(["Kick …", () => openOrder(app, "kick", nick)]);
  entries.push(["Ban …", () => openOrder(app, "ban", nick), { class: "danger" }]);
  if (store.role === "owner") {
    entries.push(["Make a moderator", () => run(`/op ${nick}`)]);
    entries.push(["Make a member", () => run(`/deop ${nick}`)]);
  }
  return h("section", {}, h("h3", {}, "Moderate"), choices(entries, dialog));
}

function openOrder({ session, store }, act, nick) {
  const fields = [field("Reason, told to them", "reason", { maxlength: "200" })];
  if (act !== "kick") fields.unshift(choice("How long", "duration", DURATIONS, ""));
  if (act === "ban") {
    fields.push(h("label.toggle", {}, h("input", { type: "checkbox", name: "address" }), h("span", {}, "The address they have, too")));
  }
  const title = `${act[0].toUpperCase()}${act.slice(1)} ${shown(nick)}`;
  const order = form(fields, title, async ({ duration, reason, address }) => {
    const seconds = { "10m": 600, "1h": 3600, "1d": 86_400 }[duration];
    try {
      await session.request(act, { who: nick, seconds, reason: reason || undefined, address: address ? true : undefined });
    } catch (error) {
      return error.message;
    }
    store.note(`Done: ${act} ${nick}.`);
    dialog.close();
    return "";
  });
  const dialog = openDialog(title, order);
}

function textOf(item) {
  return item.querySelector(".text").innerText;
}
