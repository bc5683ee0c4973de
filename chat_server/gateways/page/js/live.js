// The live view, for owners: what each thread and each member of the server does, ten times a second.
//
// It has a session of its own, called "live", which is in no room. It asks only while somebody can
// see it: the server does nothing for it otherwise.

import { askWho, showChat, showEnd } from "./dialogs/entrance.js";
import { form, OPEN, passwordField } from "./dialogs/dialog.js";
import { button, byId, h, keyedList } from "./dom.js";
import { Session } from "./net/session.js";
import { shown } from "./state/text.js";

const PERIOD = 100; // ms from one question to the next
const SVG = "http://www.w3.org/2000/svg";
const BARS = 60;

const STATES = {
  lock: "waits for a lock",
  send: "sends",
  sqlite: "in SQLite",
  run: "runs",
  recv: "in recv",
  select: "in select",
  accept: "in accept",
  wait: "waits to be woken",
  unseen: "not seen",
};

const session = new Session("live");
let looking = false; // a question is under way, or will be
let held = false; // the view stands still
let tries = 1;

session.resumeWith(() => []);
session.on("welcome", () => look());
session.on("role", () => look());
session.on("refused", (error) => {
  if (error.code !== "nick_in_use" || tries > 20) {
    showEnd("The live view", error.message);
    return;
  }
  tries += 1;
  session.start({ nick: `live${tries}` });
});
session.on("ended", (code, text) => {
  if (code === "bad_password") askWho({ nick: session.nick || "live", error: text, code }, (who) => session.start(who));
  else showEnd("The live view has ended", text);
});
session.on("state", (state) => {
  if (state === "waiting" || state === "connecting") byId("status").textContent = "Connecting …";
});

// -- asking ---------------------------------------------------------------------------------------

async function look() {
  if (looking) return;
  looking = true;
  try {
    for (;;) {
      const begun = performance.now();
      const reply = await session.request("live");
      if (byId("app").hidden) showChat();
      if (!held) show(reply.view, new Set(reply.own ?? []), reply.own !== undefined);
      await pause(Math.max(0, PERIOD - (performance.now() - begun)));
      await seen();
    }
  } catch (error) {
    if (error.code === "forbidden") askSecret();
    else showEnd("The live view", error.message, "Try again", () => location.reload());
  } finally {
    looking = false;
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Wait until somebody can see the page, and wants it to move. */
function seen() {
  return new Promise((resolve) => {
    const check = () => {
      if (document.hidden || held) return;
      document.removeEventListener("visibilitychange", check);
      byId("pause").removeEventListener("click", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
    byId("pause").addEventListener("click", check);
    check();
  });
}

function askSecret() {
  const fields = [passwordField("The owner's secret", "secret")];
  if (!window.isSecureContext) fields.push(h("p.warning", {}, OPEN));
  const entry = form(fields, "Look", async ({ secret }) => {
    try {
      await session.request("claim", { secret: secret.trim() });
    } catch (error) {
      return error.message;
    }
    look();
    return "";
  });
  const lead = "Only an owner of the server may look. The server shows the secret at its first start: “to be in charge, type: /claim …”.";
  byId("app").hidden = true;
  byId("screen").replaceChildren(h("main.card", {}, h("h1", {}, "The live view"), h("p.lead", {}, lead), entry));
  byId("screen").hidden = false;
  entry.querySelector("input").focus();
}

// -- showing --------------------------------------------------------------------------------------

function show(view, own, may) {
  const often = view.every > 0.11 ? `, read every ${view.every.toFixed(2)} s, as there is so much to read` : "";
  byId("status").textContent = `${new Date(view.time * 1000).toLocaleTimeString()}${often}`;
  showNumbers(view);
  showThreads(view);
  showMembers(view, own, may);
  showCommits(view.commits);
  showLocks(view.locks);
}

function showNumbers(view) {
  const threads = Object.values(view.states).reduce((sum, each) => sum + each, 0);
  const numbers = [
    ["messages/s", count(view.messages)],
    ["deliveries/s", count(view.deliveries)],
    ["wait to be stored", count(view.drafts)],
    ["members behind", count(view.lagging)],
    ["threads", count(threads)],
    ["of a processor to look", `${(100 * view.cost).toFixed(1)} %`],
  ];
  keyedList(byId("numbers"), numbers, ([name]) => name, makeNumber, (row, [, value]) => say(row.lastChild, value));
}

function makeNumber([name]) {
  return h("div", {}, h("dt", {}, name), h("dd", {}));
}

function showThreads(view) {
  const states = Object.keys(STATES).filter((state) => view.states[state]);
  keyedList(byId("states"), states, (state) => state, makeState, (row, state) => {
    say(row.firstChild, `${STATES[state]}: ${view.states[state]}`);
  });
  keyedList(byId("threads"), view.threads, (thread) => thread.name, makeThread, (row, thread) => {
    const [who, state, what] = row.children;
    say(who, thread.nick ? `${shown(thread.nick)} (${thread.name.replace("connection ", "")})` : thread.name);
    if (state.state !== thread.state) state.className = `state is-${thread.state}`;
    state.state = thread.state;
    say(state, thread.state);
    say(what, thread.what ?? "");
    if (what.title !== (thread.where ?? "")) what.title = thread.where ?? "";
  });
  const unseen = view.states.unseen ? "This interpreter has no GIL: what its threads do cannot be read safely. " : "";
  say(byId("more-threads"), unseen + more(view.more_threads, "thread", "in recv"));
}

function makeState(state) {
  return h("li", {}, h(`span.state.is-${state}`, {}));
}

function makeThread() {
  return h("li", {}, h("span", {}), h("span.state", {}), h("code", {}));
}

function showMembers(view, own, may) {
  byId("members").parentElement.classList.toggle("may", may);
  const most = Math.max(1, ...view.members.map((member) => member.lag ?? 0));
  const key = (member) => `${member.room} ${member.nick}`;
  keyedList(byId("members"), view.members, key, makeMember, (row, member) => {
    const [who, bar, lag, acts] = row.children;
    say(who, `${shown(member.nick)} in #${member.room}`);
    const scale = bar.firstChild;
    const value = member.lag ?? 0;
    if (scale.max !== most) scale.max = most;
    if (scale.value !== value) scale.value = value;
    say(lag, value ? count(value) : "0");
    row.title = member.waiting ? `${count(member.waiting)} bytes wait to be sent` : "";
    const can = may && own.has(member.nick);
    if (acts.hidden === can) acts.hidden = !can;
    const here = member.held ?? "";
    if (row.held === here) return;
    row.held = here;
    say(acts.firstChild, here);
    for (const each of acts.querySelectorAll("button")) each.hidden = each.dataset.when === (here ? "free" : "held");
  });
  say(byId("more-members"), view.members.length ? more(view.more_members, "member", "with less lag") : "Nobody is in a room.");
}

function makeMember(member) {
  const act = (text, how, when) => button(text, () => disturb(member.nick, how), { data: { when }, "aria-label": `${text} ${member.nick}` });
  const acts = h(
    "div.acts",
    { hidden: true },
    h("span.soft", {}),
    act("Suspend", "suspend", "free"),
    act("Delay", "delay", "free"),
    act("Release", "release", "held"),
    act("Cut", "cut", "always"),
  );
  const scale = h("meter", { min: "0", max: "1", value: "0", "aria-label": `Lag of ${member.nick}` });
  return h("li", {}, h("span", {}), h("span", {}, scale), h("span.number", {}), acts);
}

async function disturb(who, how) {
  try {
    await session.request("disturb", { who, how });
    byId("told").textContent = "";
  } catch (error) {
    byId("told").textContent = error.message;
  }
}

function showCommits(commits) {
  const sizes = commits.map((each) => each.messages);
  const times = commits.map((each) => each.seconds * 1000);
  const none = "None since somebody has looked.";
  say(byId("batch"), sizes.length ? `Messages in a batch: ${median(sizes)} in the middle, ${Math.max(...sizes)} at most` : none);
  say(byId("time"), times.length ? `Time of a commit: ${median(times).toFixed(2)} ms in the middle, ${Math.max(...times).toFixed(2)} ms at most` : "");
  bars(byId("batches"), sizes);
  bars(byId("times"), times);
}

/** Draw numbers as bars, the last one at the right. */
function bars(drawing, numbers) {
  while (drawing.children.length < BARS) drawing.append(document.createElementNS(SVG, "rect"));
  const most = Math.max(1e-9, ...numbers);
  const first = BARS - numbers.length;
  [...drawing.children].forEach((bar, place) => {
    const height = place < first ? 0 : Math.max(0.6, (24 * numbers[place - first]) / most);
    bar.setAttribute("x", place + 0.1);
    bar.setAttribute("width", 0.8);
    bar.setAttribute("y", 24 - height);
    bar.setAttribute("height", height);
  });
}

function showLocks(locks) {
  keyedList(byId("locks"), locks, (lock) => lock.name, () => h("li", {}, h("code", {}), h("span.number", {})), (row, lock) => {
    say(row.firstChild, lock.name);
    say(row.lastChild, `${lock.waiting} now, in ${(100 * lock.share).toFixed(0)} % of the looks`);
  });
  say(byId("no-locks"), locks.length ? "" : "No thread was seen waiting for a lock.");
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function count(number) {
  return Math.round(number).toLocaleString("en");
}

function more(number, what, which) {
  return number ? `${count(number)} more ${what}${number > 1 ? "s" : ""} ${which}.` : "";
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

byId("pause").addEventListener("click", () => {
  held = !held;
  byId("pause").setAttribute("aria-pressed", String(held));
  byId("pause").textContent = held ? "Go on" : "Hold still";
});
session.start({ nick: session.nick || "live" });
