// The way in, and the screens in place of the chat: who are you, you were thrown out, it is open in
// another tab.

import { button, byId, h } from "../dom.js";
import { form, field, OPEN, passwordField } from "./dialog.js";

/** Show the chat itself. */
export function showChat() {
  byId("screen").hidden = true;
  byId("screen").replaceChildren();
  byId("app").hidden = false;
}

/**
 * Ask who somebody is.
 *
 * @param {object} asked - `nick`, `room`, `error` (why it did not work), `code` (of that error).
 * @param {function} enter - called with {nick, password, accountPassword}.
 */
export function askWho({ nick, room, error = "", code = "" }, enter) {
  const wantsServer = code === "bad_password";
  const account = h("details", { open: code === "nick_in_use" }, h("summary", {}, "This nick is my account"));
  account.append(passwordField("Account password", "accountPassword"));
  account.querySelector("input").required = false;
  const fields = [
    field("Your nick", "nick", { value: nick, required: true, maxlength: "64", autocomplete: "nickname", autocapitalize: "off", spellcheck: "false" }),
    wantsServer ? passwordField("The server's password", "password") : null,
    account,
    window.isSecureContext ? null : h("p.warning.quiet", {}, OPEN),
  ];
  const entry = form(fields.filter(Boolean), room ? `Join #${room}` : "Join", (values) => {
    enter({ ...values, nick: values.nick.trim() });
    return "";
  });
  if (error) entry.querySelector(".error").textContent = error;
  screen("Backchannel", h("p.lead", {}, "Say who you are, and you are in. No account needed."), entry);
  const wanted = wantsServer ? "password" : code === "nick_in_use" && nick ? "nick" : "nick";
  const focused = byId("screen").querySelector(`[name=${wanted}]`);
  focused.focus();
  focused.select();
}

/** Say that something ended the chat, with a button that does something about it. */
export function showEnd(title, text, label, action) {
  const act = label ? button(label, action, { class: "primary" }) : null;
  screen(title, h("p.lead", {}, text), h("div.actions", {}, act));
  act?.focus();
}

/** Say that the page is being got ready. */
export function showWaiting(text) {
  screen("Backchannel", h("p.lead", { role: "status" }, text));
}

function screen(title, ...content) {
  byId("app").hidden = true;
  const card = h("main.card", {}, h("img", { src: "/assets/icon.svg", alt: "", width: "56", height: "56" }));
  card.append(h("h1", {}, title), ...content);
  byId("screen").replaceChildren(card);
  byId("screen").hidden = false;
}
