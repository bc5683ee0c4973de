// Writes a room to a file that the browser saves: as text, as JSON lines, or as a page.

import { dayKey, iso, moment, timeOfDay } from "../state/time.js";
import { needed, roomHere } from "./arguments.js";

const PAGE = 1000; // messages that are asked for at once
const MOST = 100_000; // ... and that a file gets: all of them stand in memory

export const EXPORT = {
  async export({ session, store }, argument, command) {
    const room = roomHere(store);
    const name = needed(argument, command).replace(/^.*[\\/]/, "");
    const format = FORMATS[/\.[a-z]+$/.exec(name.toLowerCase())?.[0]];
    if (!format) throw new Error(`"${name}" does not say what it is to be: end it with .txt, .jsonl or .html`);
    const messages = await readAll(session, room.name);
    save(name, format.type, format.write(room.name, messages));
    store.note(`${messages.length} messages of #${room.name} are in ${name}.`);
  },
};

async function readAll(session, room) {
  const { messages: newest } = await session.request("history", { room, limit: 1 });
  const last = newest.at(-1)?.seq ?? 0;
  const found = [];
  for (let after = 0; after < last; after = found.at(-1).seq) {
    const page = await session.request("history", { room, after, limit: PAGE });
    if (!page.messages.length) break;
    for (const message of page.messages) if (message.seq <= last) found.push(message);
    if (found.length > MOST) {
      throw new Error(`There are more than ${MOST} messages: use the terminal client, or ask who runs the server.`);
    }
    if (!page.more) break;
  }
  return found;
}

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function asText(_, messages) {
  return messages.map((message) => `${moment(message.time)}  ${said(message)}\n`).join("");
}

function said({ kind, from, text, changes, deleted }) {
  const whole = text.replaceAll("\n", "\n    | ");
  if (kind === "delete") return `* ${from} deleted message ${changes}`;
  if (kind === "edit") return `* ${from} edited message ${changes}${deleted ? "" : `: ${whole}`}`;
  if (kind === "action") return `* ${from} ${whole}`;
  if (kind === "topic") return text ? `* ${from} set the topic: ${whole}` : `* ${from} cleared the topic`;
  return `${from}: ${whole}`;
}

function asLines(_, messages) {
  return messages.map((message) => `${JSON.stringify(message)}\n`).join("");
}

function asPage(room, messages) {
  const made = document.implementation.createHTMLDocument(`#${room}`);
  const add = (parent, tag, text, members = {}) => {
    const element = Object.assign(made.createElement(tag), members);
    element.textContent = text;
    parent.append(element);
    return element;
  };
  made.head.prepend(Object.assign(made.createElement("meta"), { name: "viewport", content: "width=device-width" }));
  const charset = made.createElement("meta");
  charset.setAttribute("charset", "utf-8");
  made.head.prepend(charset);
  add(made.body, "h1", `#${room}`);
  let list = null;
  let day = "";
  for (const message of messages) {
    if (dayKey(message.time) !== day) {
      day = dayKey(message.time);
      add(made.body, "h2", day);
      list = add(made.body, "ol", "");
    }
    item(add, list, message);
  }
  const page = new XMLSerializer().serializeToString(made.documentElement);
  // As text: this page's own policy would take it for an attempt to style this page.
  return `<!doctype html>\n${page.replace("</head>", `<style>${STYLE}</style></head>`)}\n`;
}

function item(add, list, message) {
  const { seq, kind, from, text, changes } = message;
  const line = add(list, "li", "", { id: `m${seq}`, className: message.deleted ? "deleted" : "" });
  add(line, "time", timeOfDay(message.time), { dateTime: iso(message.time) });
  line.append(" ");
  add(line, "b", from);
  const tags = [message.role, message.bot && "bot", message.edited && "edited"];
  for (const tag of tags.filter(Boolean)) add(line, "small", ` ${tag}`);
  if (message.reply_to) add(line, "a", ` in reply to ${message.reply_to}`, { href: `#m${message.reply_to}` });
  if (changes && ["edit", "delete"].includes(kind)) {
    line.append(kind === "delete" ? " deleted " : " edited ");
    add(line, "a", `message ${changes}`, { href: `#m${changes}` });
    if (kind === "edit" && !message.deleted) add(line, "span", `: ${text}`);
  } else if (kind === "topic") {
    add(line, "span", text ? ` set the topic: ${text}` : " cleared the topic");
  } else {
    line.append(kind === "action" ? " " : ": ");
    add(line, kind === "code" ? "pre" : "span", text);
  }
}

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em }
ol { list-style: none; padding: 0 }
li { overflow-wrap: anywhere }
span { white-space: pre-wrap }
pre { background: #f3f3f3; padding: .5em; white-space: pre-wrap }
time, small { color: #666; font-size: .85em }
.deleted span { color: #777; font-style: italic }
`;

const FORMATS = {
  ".txt": { type: "text/plain", write: asText },
  ".json": { type: "application/json", write: asLines },
  ".jsonl": { type: "application/json", write: asLines },
  ".html": { type: "text/html", write: asPage },
  ".htm": { type: "text/html", write: asPage },
};
