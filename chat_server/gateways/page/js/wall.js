// The wall page, for a projector: the way in, who is here, the latest messages, hands up.
//
// It is a member of its own, called "wall". Only moderators hear whose hands are up: the wall
// shows them where a moderator has the chat open in the same browser, or made the wall one (/op wall).

import { askWho, showChat } from "./dialogs/entrance.js";
import { byId, h, icon, keyedList } from "./dom.js";
import { Session } from "./net/session.js";
import { Tabs } from "./net/tabs.js";
import { changedBy } from "./state/changes.js";
import { fold, hue, shown } from "./state/text.js";
import { messageItem } from "./view/message.js";

const KEPT = 30; // messages on the page
const LISTED = 24; // nicks
const ROOM = /^#([a-z0-9._-]{1,50})$/i;

const room = ROOM.exec(location.hash)?.[1].toLowerCase() ?? "lobby";
const session = new Session("wall");
const tabs = new Tabs("chat");
const nicks = new Map();
let log; // which log the numbers are from
let messages = []; // the latest
let hands = [];
let floor = ""; // who has it, and what they ask
let heard = 0;
let tries = 1;

session.resumeWith(() => []);
session.on("welcome", async () => {
  showChat();
  byId("status").textContent = "";
  await join();
  await Promise.all([listPeople(), listHands()]);
});
session.on("refused", (error) => {
  if (error.code !== "nick_in_use" || tries > 20) {
    byId("status").textContent = error.message;
    return;
  }
  tries += 1;
  session.start({ nick: `wall${tries}` });
});
session.on("ended", (code, text) => {
  if (code === "bad_password") askWho({ nick: "wall", room, error: text, code }, (who) => session.start(who));
  else byId("status").textContent = text;
});
session.on("state", (state) => {
  if (state === "waiting" || state === "connecting") byId("status").textContent = "Connecting …";
});
session.on("message", (message) => hear(message));
session.on("presence", (presence) => change(presence));
session.on("role", () => listHands());
session.on("floor", (floor) => floor.room === room && showFloor(floor));
session.on("hand", ({ nick, up }) => {
  const others = hands.filter((each) => each !== nick);
  showHands(up ? [...others, nick] : others);
});
tabs.on("told", (data) => data.room === room && showHands(data.hands));

async function join() {
  const where = heard ? { after: heard, log } : { history: KEPT };
  const reply = await session.request("join", { room, ...where });
  if (reply.diverged !== undefined) heard = Math.min(heard, reply.diverged);
  log = reply.log;
  byId("room").textContent = `#${room}`;
  showTopic(reply.topic);
  showFloor({}); // who has it is told next
}

function hear(message) {
  if (message.seq <= heard) return;
  heard = message.seq;
  if (message.kind === "topic") showTopic(message.text);
  if (message.changes) messages = messages.map((each) => changedBy(each, message));
  else messages = [...messages, message].slice(-KEPT);
  const answered = ({ reply_to: seq }) => messages.find((each) => each.seq === seq);
  keyedList(
    byId("messages"),
    messages,
    (each) => each, // a message that was changed is another object
    (each) => messageItem(each, session.nick, answered(each)),
    () => null,
  );
  byId("scroller").scrollTop = byId("scroller").scrollHeight;
}

function showTopic(topic) {
  byId("topic").textContent = shown(topic);
}

// -- people ---------------------------------------------------------------------------------------

async function listPeople() {
  nicks.clear();
  let after;
  for (;;) {
    const page = await session.request("who", { room, after });
    for (const nick of page.members) nicks.set(fold(nick), nick);
    if (!page.more) break;
    after = page.members.at(-1);
  }
  showPeople();
}

function change({ room: where, joined, left, renamed }) {
  if (where !== room) return;
  for (const nick of [...left, ...renamed.map(([old]) => old)]) nicks.delete(fold(nick));
  for (const nick of [...joined, ...renamed.map(([, now]) => now)]) nicks.set(fold(nick), nick);
  showPeople();
}

function showPeople() {
  const others = [...nicks.values()].filter((nick) => nick !== session.nick).sort();
  const rows = others.slice(0, LISTED).map((nick) => h(`li.hue-${hue(nick)}`, {}, h("bdi", {}, shown(nick))));
  if (others.length > LISTED) rows.push(h("li", {}, `and ${others.length - LISTED} more`));
  byId("here").textContent = `Here: ${others.length}`;
  byId("nicks").replaceChildren(...rows);
}

async function listHands() {
  tabs.tell("hands?");
  const page = await session.request("hands", { room }).catch(() => null); // no moderator
  if (page) showHands(page.hands);
}

function showFloor({ nick, question }) {
  floor = nick ? `${shown(nick)} has the floor${question ? `: ${shown(question)}` : ""}` : "";
  showHands(hands);
}

function showHands(now) {
  hands = now;
  const rows = hands.map((nick) => h("li", {}, h("bdi", {}, shown(nick))));
  const title = h("h2", {}, icon("hand"), `Hands up: ${hands.length}`);
  const turn = floor ? [h("p.floor", { dir: "auto" }, floor)] : [];
  byId("hands").replaceChildren(...turn, title, h("ol", {}, ...rows));
  byId("hands").hidden = hands.length === 0 && !floor;
}

// -- the way in -----------------------------------------------------------------------------------

// The server knows by which address others reach it: the drawing's title has it.
async function showAddress() {
  const answer = await fetch("/qr.svg");
  byId("qr").hidden = !answer.ok;
  const address = (answer.ok && titleOf(await answer.text())) || `${location.origin}/`;
  const [, scheme, host] = /^(\w+:\/\/)(.*?)\/?$/.exec(address) ?? [null, "", address];
  byId("address").replaceChildren(h("small", {}, scheme), host);
}

function titleOf(drawing) {
  return new DOMParser().parseFromString(drawing, "image/svg+xml").querySelector("title")?.textContent;
}

showAddress();
session.start({ nick: session.nick || "wall" });
