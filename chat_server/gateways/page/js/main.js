// Makes the parts of the page and ties them together.

import { Drop } from "./board/drop.js";
import { Pins } from "./board/pins.js";
import { openBans, openModeration } from "./dialogs/moderate.js";
import { openRules } from "./dialogs/rules.js";
import { askPassword, field, form, openDialog } from "./dialogs/dialog.js";
import { askWho, showChat, showEnd, showWaiting } from "./dialogs/entrance.js";
import { openHelp } from "./dialogs/help.js";
import { openPerson } from "./dialogs/person.js";
import { openPoll, openQuestion } from "./dialogs/poll.js";
import { Search } from "./dialogs/search.js";
import { openSettings } from "./dialogs/settings.js";
import { openSwitcher } from "./dialogs/switcher.js";
import { runLine } from "./commands/run.js";
import { CommandTable } from "./commands/table.js";
import { byId } from "./dom.js";
import { Outbox } from "./net/outbox.js";
import { Session } from "./net/session.js";
import { loadForTab, saveForTab } from "./net/storage.js";
import { Tabs } from "./net/tabs.js";
import { History } from "./state/history.js";
import { Room } from "./state/room.js";
import { Settings } from "./state/settings.js";
import { Store } from "./state/store.js";
import { Alerts } from "./view/alerts.js";
import { Answering } from "./view/answering.js";
import { Banner } from "./view/banner.js";
import { Composer } from "./view/composer.js";
import { Drawers } from "./view/drawers.js";
import { Frozen } from "./view/frozen.js";
import { Header } from "./view/header.js";
import { listenToKeys } from "./view/keys.js";
import { Log } from "./view/log.js";
import { Members } from "./view/members.js";
import { PollBar } from "./view/poll.js";
import { Sidebar } from "./view/sidebar.js";
import { toast } from "./view/toasts.js";
import { Unsent } from "./view/unsent.js";
import { followKeyboard } from "./view/viewport.js";

const LOBBY = "lobby";
const PASSWORD = "password"; // the server's own, which every hello needs
const ROOM = /^#([a-z0-9._-]{1,50})(?:\/([1-9]\d{0,14}))?$/i;

const settings = new Settings();
const session = new Session("session");
const outbox = new Outbox(session);
const store = new Store(session, outbox, settings);
const history = new History(session, store);
const table = new CommandTable();
const tabs = new Tabs("chat");
const drawers = new Drawers();

// What commands and dialogs work on.
const app = { session, outbox, store, settings, history, table, look, enter, step, leave, run, answer };
app.dialogs = {
  askPassword,
  browse: () => openSwitcher(app),
  help: (about) => openHelp(app, about),
  bans: () => openBans(app),
  rules: (room) => openRules(app, room),
  poll: () => openPoll(app),
};
app.mention = (nick) => composer.mention(nick);
app.alerts = new Alerts(store, settings, look);

const unsent = new Unsent(byId("unsent"), store, () => session.online, (text) => composer.edit(text));
const elements = { scroller: byId("scroller"), beginning: byId("beginning"), messages: byId("messages"), jumps: byId("jumps") };
const log = (app.log = new Log(elements, store, history, unsent));
app.answering = new Answering(store);
const composer = new Composer(app, (line) => runLine(app, line));
app.drop = new Drop(app);
const search = (app.search = new Search(session, store, (seq) => log.reveal(seq)));

new Banner(session);
new Frozen(store, run);
new PollBar(store, run);
new Pins(store, { reveal: (seq) => log.reveal(seq), run });
new Sidebar(store, { look, close, browse: () => openSwitcher(app), settings: () => openSettings(app), help: () => openHelp(app) });
new Header(store, {
  menu: () => drawers.toggle("sidebar"),
  search: () => (search.isOpen ? search.close() : search.open()),
  people: () => drawers.toggle("people"),
  topic: () => openTopic(),
  room: () => openModeration(app),
});
new Members(store, {
  person: (nick) => openPerson(app, nick),
  floor: (nick) => run(`/freeze but ${nick}`),
  run,
  ask: () => openQuestion(app),
  close: () => drawers.close(),
});

// -- going about ----------------------------------------------------------------------------------

/** Look at a place. */
function look(place) {
  drawers.close();
  store.look(place);
  const hash = place?.key ?? "";
  if (decodeURIComponent(location.hash) !== hash) location.hash = hash;
  if (matchMedia("(hover: hover)").matches) composer.focus(); // no keyboard jumps up on a phone
}

/** Enter a room, and look at it. */
function enter(name) {
  const wanted = name.replace(/^#/, "").toLowerCase();
  if (!ROOM.test(`#${wanted}`) || wanted.includes("/")) throw new Error("A room's name has 1 to 50 letters a-z, digits, - _ and .");
  look(store.join(wanted));
}

/** Go to a message of a room, as soon as the user is in there. */
async function goTo(name, seq) {
  enter(name);
  const room = store.current;
  while (store.current === room && !room.entered) await store.next("log");
  await new Promise(requestAnimationFrame); // the log shows the room by then
  if (store.current === room) await log.reveal(seq);
}

/** Let the next line answer a message. */
function answer(message) {
  app.answering.choose(message);
  composer.focus();
}

/** Go to the place that is `by` further on, round and round. */
function step(by, unread = false) {
  const places = store.places.filter((place) => place === store.current || !unread || place.unread);
  if (places.length < 2) return;
  const index = places.indexOf(store.current) + by;
  look(places[(index + places.length) % places.length]);
}

function busiest() {
  const others = store.places.filter((place) => place.unread && place !== store.current);
  others.sort((a, b) => Number(b.mentioned) - Number(a.mentioned) || b.unread - a.unread);
  if (others.length) look(others[0]);
}

function close(place) {
  if (place instanceof Room && session.online) store.leave(place).catch((error) => toast(error.message));
  else store.forget(place);
}

/** Run a command's line; what is wrong with it is said in the place. Returns that, or "". */
async function run(line) {
  const why = await runLine(app, line);
  if (why) store.note(why, { kind: "warning" });
  return why;
}

async function leave() {
  store.forgetAll();
  await session.leave();
  for (const line of [...outbox.lines]) outbox.drop(line);
  tabs.holding = false;
  showEnd("You left", "This browser has forgotten who you were.", "Come in again", () => location.reload());
}

function openTopic() {
  const room = store.current;
  const dialog = openDialog(
    `Topic of #${room.name}`,
    form([field("Topic", "topic", { value: room.topic, maxlength: "4000" }, "Empty: no topic.")], "Set", async ({ topic }) => {
      const why = await runLine(app, `/topic ${topic.trim() || "-"}`);
      if (!why) dialog.close();
      return why;
    }),
  );
}

// -- coming in, and being thrown out --------------------------------------------------------------

function wantedRoom() {
  return ROOM.exec(decodeURIComponent(location.hash))?.[1].toLowerCase() ?? null;
}

function wantedMessage() {
  return Number(ROOM.exec(decodeURIComponent(location.hash))?.[2] ?? 0);
}

function ask(error) {
  const room = wantedRoom() ?? store.keptRooms[0] ?? LOBBY;
  askWho({ nick: session.nick, room, error: error?.message, code: error?.code }, (who) => {
    if (who.password) saveForTab(PASSWORD, who.password);
    showWaiting("Connecting …");
    session.start({ ...who, password: loadForTab(PASSWORD) });
  });
}

function comeIn() {
  if (!byId("app").hidden) return;
  showChat();
  if (store.current) return;
  const rooms = store.keptRooms.length ? store.keptRooms : [LOBBY];
  for (const name of rooms) store.join(name);
  const seq = wantedMessage();
  if (seq) goTo(wantedRoom(), seq);
  else enter(wantedRoom() ?? rooms[0]);
}

let greeting = ""; // the server's, which is said once

function greet({ motd }) {
  if (motd && motd !== greeting) store.note(motd);
  greeting = motd;
}

function openElsewhere() {
  session.pause();
  const text = "This browser has the chat open in another tab or window. It can be open in one at a time.";
  showEnd("Open in another tab", text, "Use it here", () => {
    tabs.take();
    location.reload();
  });
}

const ENDED = {
  kicked: ["You were thrown out", "Come in again"],
  banned: ["You cannot come in", "Try again"],
  flooding: ["That was too much", "Come in again"],
  bye: ["You left", "Come in again"],
};

session.on("welcome", (welcome) => {
  comeIn();
  greet(welcome);
});
session.on("moved", (host, same) => {
  toast(`You are at ${host} now.${same ? "" : " It does not know your session: you are new there."}`);
});
session.on("refused", ask);
session.on("ended", (code, text) => {
  if (code === "replaced") {
    tabs.holding = false;
    openElsewhere();
  } else if (code === "bad_password") {
    ask({ message: text, code });
  } else {
    const [title, label] = ENDED[code] ?? ["The chat is over", "Come in again"];
    showEnd(title, text, label, () => location.reload());
  }
});
store.on("told", toast);
store.on("hand", () => shareHands());
store.on("people", () => shareHands());

// The wall in another window of this browser shows whose hands are up, which only moderators hear.
function shareHands() {
  if (!store.inCharge) return;
  for (const room of store.rooms.values()) tabs.tell({ room: room.name, hands: room.hands });
}

tabs.on("taken", openElsewhere);
tabs.on("told", (data) => data === "hands?" && shareHands());

// -- the window -----------------------------------------------------------------------------------

function setTheme() {
  const when = { light: "not all", dark: "all" };
  byId("dark").media = when[settings.get("theme")] ?? "(prefers-color-scheme: dark)";
}

function setVisible() {
  store.visible = document.visibilityState === "visible" && document.hasFocus();
  if (!store.visible) return;
  session.wake();
  store.markRead();
}

function listen() {
  settings.on("change", setTheme);
  for (const event of ["focus", "blur"]) addEventListener(event, setVisible);
  document.addEventListener("visibilitychange", setVisible);
  addEventListener("online", () => session.wake());
  addEventListener("pagehide", () => store.keep());
  addEventListener("hashchange", () => {
    const name = wantedRoom();
    const person = /^#@(.+)$/.exec(decodeURIComponent(location.hash))?.[1];
    if (byId("app").hidden || store.current?.key === decodeURIComponent(location.hash)) return;
    const seq = wantedMessage();
    if (seq) goTo(name, seq);
    else if (name) enter(name);
    else if (person && store.conversations.size) look(store.conversation(person));
  });
  listenToKeys({ step, busiest, switcher: () => openSwitcher(app), escape, type: () => composer.focus() });
  byId("messages").addEventListener("click", (event) => {
    const name = event.target.closest("button.name");
    if (name) openPerson(app, name.dataset.nick, name.closest("li"));
    else pressed(event.target);
  });
  byId("messages").addEventListener("keydown", (event) => {
    const item = event.target.closest("li.message");
    if (event.key !== "Enter" || event.target !== item) return;
    event.preventDefault(); // or the key would press what the dialog puts the focus on
    openPerson(app, item.querySelector("button.name").dataset.nick, item);
  });
}

// Buttons of a message; and on a phone, which has no room for them, a touch of its text.
function pressed(target) {
  const item = target.closest("li.message");
  const to = target.closest("button.to-message");
  if (!item) return;
  const message = store.current.message(Number(item.dataset.seq));
  const touched = target.closest(".text") && matchMedia("(hover: none)").matches;
  const more = target.closest(".do-more") || (touched && !target.closest("a, button, pre"));
  if (to) log.reveal(Number(to.dataset.to));
  else if (message && target.closest(".do-reply")) answer(message);
  else if (message && more && getSelection().isCollapsed) openPerson(app, message.from, item);
}

function escape() {
  if (drawers.close()) return;
  if (app.answering.active) {
    app.answering.clear();
    composer.focus();
    return;
  }
  if (search.isOpen) search.close();
  else log.jumpToEnd();
  composer.focus();
}

async function begin() {
  setTheme();
  setVisible();
  followKeyboard();
  listen();
  await table.load();
  if (await tabs.isTaken()) {
    openElsewhere();
    return;
  }
  tabs.take();
  if (!session.known) {
    ask(null);
    return;
  }
  comeIn(); // what was not sent the last time is there at once
  session.start({ password: loadForTab(PASSWORD) });
}

begin();
