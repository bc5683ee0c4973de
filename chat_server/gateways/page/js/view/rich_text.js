// A text as elements: links, code, the user's own name. Whatever it holds, it becomes text nodes.

import { codeBlock } from "../board/code_block.js";
import { h } from "../dom.js";
import { mentions, shown } from "../state/text.js";

const FENCE = /^[ \t]*```[ \t]*([\w+#.-]*)[ \t]*\n([\s\S]*?)(?:\n[ \t]*```[ \t]*(?=\n|$)|$(?![\s\S]))/m;
const INLINE = /`([^`\n]+)`|(https?:\/\/[^\s<>"'`\u0000-\u001f]+)|(?<![\w/#])(#[a-z0-9._-]{1,50}\/[1-9]\d{0,14})(?!\w)/g;

/** Return the nodes of a text. `nick` is the user, whose name is marked. */
export function richText(text, nick) {
  const nodes = [];
  let rest = shown(text);
  for (let found = FENCE.exec(rest); found; found = FENCE.exec(rest)) {
    const before = rest.slice(0, found.index).replace(/\n$/, "");
    if (before) nodes.push(...paragraph(before, nick));
    nodes.push(codeBlock(found[2], found[1]));
    rest = rest.slice(found.index + found[0].length).replace(/^\n/, "");
  }
  if (rest) nodes.push(...paragraph(rest, nick));
  return nodes;
}

function paragraph(text, nick) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const [, code, address, message] = found;
    const link = address ? trimmed(address) : (message ?? "");
    nodes.push(...plain(text.slice(end, found.index), nick));
    nodes.push(code ? h("code", {}, code) : anchor(link));
    end = found.index + (code ? found[0].length : link.length);
  }
  nodes.push(...plain(text.slice(end), nick));
  return nodes;
}

function plain(text, nick) {
  const nodes = [];
  let end = 0;
  for (const [start, stop] of mentions(nick, text)) {
    nodes.push(text.slice(end, start), h("mark", {}, text.slice(start, stop)));
    end = stop;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

// What ends a sentence is no part of the address, nor a bracket that was opened before it.
function trimmed(address) {
  let link = address.replace(/[.,;:!?'"*_~\]]+$/, "");
  while (link.endsWith(")") && link.split(")").length > link.split("(").length) {
    link = link.slice(0, -1).replace(/[.,;:!?]+$/, "");
  }
  return link;
}

function anchor(link) {
  const here = `${location.origin}${location.pathname}#`;
  const inside = link.startsWith(here) ? link.slice(here.length - 1) : link;
  if (inside.startsWith("#")) return h("a", { href: inside }, link); // this page is open once
  const attributes = { target: "_blank", rel: "noopener noreferrer", referrerpolicy: "no-referrer" };
  return h("a", { href: link, ...attributes }, link);
}
