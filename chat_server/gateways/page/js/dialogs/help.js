// Keys and commands.

import { h } from "../dom.js";
import { KEYS } from "../view/keys.js";
import { openDialog } from "./dialog.js";

/** Open it. `about` is a group or a command, or "" for all. */
export function openHelp({ table, store }, about = "") {
  const wanted = about.toLowerCase();
  const one = wanted && table.find(wanted);
  const groups = new Map();
  for (const command of table.all) {
    if (one ? command !== one : wanted && wanted !== "keys" && command.group !== wanted) continue;
    if (!wanted && command.group === "in charge" && !store.inCharge) continue;
    groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  }
  const sections = wanted === "keys" ? [] : [...groups].map(([name, commands]) => section(name, commands.map(row)));
  if (!one && (!wanted || wanted === "keys")) sections.push(section("keys", KEYS));
  const marks = [["```", "on a line of its own begins and ends a code block"], ["`code`", "a few words in a fixed font"], ["//text", "says /text"]];
  if (!wanted) sections.push(section("writing", marks));
  openDialog("Help", ...sections);
}

function section(name, rows) {
  const items = rows.map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text)));
  return h("section", {}, h("h3", {}, name), h("dl.help", {}, ...items));
}

function row({ usage, help, aliases }) {
  const others = aliases.length ? ` (also /${aliases.join(", /")})` : "";
  return [usage, help + others];
}
