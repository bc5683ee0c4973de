// The page's own lines between the messages: who came and went, answers to commands, warnings.

import { button, h, icon } from "../dom.js";
import { fold, hue, shown } from "../state/text.js";
import { timeOfDay } from "../state/time.js";
import { badge } from "./badge.js";

const NAMED = 4; // people of a crowd who are named

/** Make the item of a line. */
export function localItem(local) {
  return h(`li.local.${local.kind}`, { "aria-live": local.kind === "presence" ? "off" : null });
}

/** Write a line's text into its item. */
export function updateLocal(item, local) {
  if (local.kind === "presence") item.replaceChildren(...presence(local));
  else if (local.rows) item.replaceChildren(h("p", {}, shown(local.text)), rows(local.rows));
  else item.replaceChildren(h("p", {}, shown(local.text)));
  if (local.kind === "warning") item.prepend(icon("help"));
  if (local.action) item.append(button(local.action.text, local.action.run, { class: "small" }));
  item.append(h("time", {}, timeOfDay(local.time)));
}

function presence({ joined, left, renamed, ranks }) {
  const come = (name) => [badge(ranks?.get(fold(name))), nick(name)].filter(Boolean);
  const parts = [...crowd(joined, "joined", come), ...crowd(left, "left")];
  for (const [old, now] of renamed) parts.push(h("span", {}, nick(old), " is now ", ...come(now)));
  return parts;
}

function crowd(nicks, did, write = (each) => [nick(each)]) {
  if (!nicks.length) return [];
  if (nicks.length > NAMED) return [h("span", {}, `${nicks.length} people ${did}`)];
  const named = nicks.flatMap((each, number) => (number ? [", ", ...write(each)] : write(each)));
  return [h("span", {}, ...named, ` ${did}`)];
}

function nick(name) {
  return h(`bdi.hue-${hue(name)}`, {}, shown(name));
}

function rows(lines) {
  const items = lines.map(([term, text]) => h("div", {}, h("dt", {}, shown(term)), h("dd", {}, shown(text))));
  return h("dl", {}, ...items);
}
