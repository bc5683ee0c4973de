// What can be done about one message.

import { h } from "../dom.js";
import { copyText } from "../view/clipboard.js";
import { field, form, openDialog } from "./dialog.js";

/** Return [text, action] pairs of what the user can do about a message; see `choices`. */
export function messageChoices(app, message) {
  const { store, answer } = app;
  const own = message.from === store.nick;
  const entries = [["Copy a link to it", () => copyLink(app, message)]];
  if (message.deleted || message.changes) return entries;
  entries.unshift(["Reply", () => answer(message)]);
  if (own && ["text", "action"].includes(message.kind)) entries.push(["Edit …", () => openEdit(app, message)]);
  if (own || store.inCharge) {
    entries.push(["Delete …", () => openDelete(app, message, own), { class: "danger" }]);
  }
  return entries;
}

async function copyLink({ store }, { room, seq }) {
  const link = `${location.origin}${location.pathname}#${room}/${seq}`;
  if (!(await copyText(link))) store.note(`A link to the message: ${link}`);
}

function openEdit({ session }, { room, seq, text }) {
  const name = "Edit the message";
  const input = h("textarea", { name: "text", "aria-label": name, rows: "4", required: true });
  input.value = text;
  const dialog = openDialog(name, form([input], "Save", (typed) => change({ text: typed.text })));

  async function change(members) {
    try {
      await session.request("edit", { room, seq, ...members });
    } catch (error) {
      return error.message;
    }
    dialog.close();
    return "";
  }
}

function openDelete({ session }, { room, seq, text }, own) {
  const quoted = h("blockquote", {}, text);
  const fields = own ? [quoted] : [quoted, field("Reason, read by everybody", "reason", { maxlength: "200" })];
  const dialog = openDialog(
    "Delete the message",
    form(fields, "Delete", async ({ reason }) => {
      try {
        await session.request("delete", { room, seq, reason: reason || undefined });
      } catch (error) {
        return error.message;
      }
      dialog.close();
      return "";
    }),
  );
}
