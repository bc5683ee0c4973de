// The user's nick, account and settings.

import { button, h } from "../dom.js";
import { noNotifications } from "../view/alerts.js";
import { copyText } from "../view/clipboard.js";
import { choice, choices, field, form, openDialog, toggle } from "./dialog.js";

const THEMES = [
  ["auto", "as the system"],
  ["light", "light"],
  ["dark", "dark"],
];
const SOUNDS = [
  ["on", "for your name and direct messages"],
  ["all", "for every message"],
  ["off", "never"],
];

/** Open it. */
export function openSettings(app) {
  const { settings, alerts } = app;
  const theme = choice("Colours", "theme", THEMES, settings.get("theme"));
  const sound = choice("Sound", "sound", SOUNDS, settings.get("sound"));
  theme.querySelector("select").addEventListener("change", (event) => settings.set("theme", event.target.value));
  sound.querySelector("select").addEventListener("change", (event) => {
    settings.set("sound", event.target.value);
    if (event.target.value !== "off") alerts.ring();
  });
  const notify = toggle("Notifications while you look elsewhere", settings.get("notifications"), askLeave, noNotifications());
  const quiet = toggle("Tell who comes and goes", !settings.get("quiet"), (on) => settings.set("quiet", !on));
  const dialog = openDialog("Settings", you(app, () => dialog), h("section.stack", {}, h("h3", {}, "This page"), theme, sound, notify, quiet), terminal());

  async function askLeave(on) {
    const allowed = on && (await Notification.requestPermission()) === "granted";
    settings.set("notifications", allowed);
    notify.querySelector("input").checked = allowed;
  }
}

function you(app, dialog) {
  const { session, store, run } = app;
  const nick = form([field("Nick", "nick", { value: store.nick, required: true, maxlength: "64" })], "Change", async (values) => {
    if (values.nick === store.nick) return "";
    return run(`/nick ${values.nick}`);
  }, { inline: true });
  const entries = session.account
    ? [
        ["Change the password", () => run("/password")],
        ["Log out of the account", () => run(`/logout ${store.nick}-`)],
      ]
    : [
        ["Make it my account", () => run("/register")],
        ["Log in to an account", () => openLogin(app)],
      ];
  if (store.role === "member") entries.push(["I am the owner", () => run("/claim")]);
  entries.push(["Leave the chat", () => app.leave(), { class: "danger" }]);
  const state = session.account ? `Logged in to the account ${session.account}.` : "You have no account, and need none.";
  return h("section.stack", {}, h("h3", {}, "You"), nick, h("p", {}, state), choices(entries, dialog));
}

function openLogin({ session, run }) {
  const fields = [field("Account", "account", { value: session.nick, required: true }), field("Password", "password", { type: "password", required: true })];
  const dialog = openDialog(
    "Log in",
    form(fields, "Log in", async ({ account, password }) => {
      const why = await run(`/login @${account} ${password}`);
      if (!why) dialog.close();
      return why;
    }),
  );
}

// How to install the terminal client from this server, where it hands out its wheel.
function terminal() {
  const code = h("code");
  const copy = button("Copy", async () => {
    copy.textContent = (await copyText(code.textContent)) ? "Copied" : "Select it";
  }, { class: "small" });
  const text = h("p", {}, "On a machine with Python 3.11 or later. Then type chat-client.");
  const section = h("details", { hidden: true }, h("summary", {}, "Use a terminal instead"), text, h("div.command", {}, code, copy));
  findWheel().then((wheel) => {
    code.textContent = `python3 -m pip install ${location.origin}/dist/${wheel}`;
    section.hidden = !wheel;
  });
  return section;
}

// Not over TLS: pip trusts no certificate that the server made.
async function findWheel() {
  if (location.protocol === "https:") return "";
  const answer = await fetch("/dist/");
  return answer.ok ? (/[\w.+-]+\.whl/.exec(await answer.text())?.[0] ?? "") : "";
}
