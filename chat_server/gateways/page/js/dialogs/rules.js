// What holds in a room; for moderators, the switches that change it.

import { h } from "../dom.js";
import { spoken } from "../commands/durations.js";
import { shown } from "../state/text.js";
import { moment } from "../state/time.js";
import { choice, openDialog, toggle } from "./dialog.js";

const TOPIC = [
  ["default", "moderators, where an owner is in the room"],
  ["moderators", "moderators"],
  ["everybody", "everybody"],
];

/** Open what holds in a room. */
export async function openRules({ session, store }, name) {
  const { rules } = await session.request("rules", { room: name });
  const error = h("p.error", { role: "alert" });
  const set = (wanted) =>
    session.request("set_rules", { room: name, ...wanted }).then(
      () => (error.textContent = ""),
      (refused) => (error.textContent = refused.message),
    );
  const content = store.inCharge ? [...switches(rules, set), error] : [];
  openDialog(`What holds in #${name}`, ...content, facts(rules, store.inCharge));
}

function switches(rules, set) {
  const topic = choice("Who sets the topic", "topic", TOPIC, rules.topic_by_default ? "default" : rules.topic);
  topic.addEventListener("change", (event) => set({ topic: event.target.value }));
  return [
    topic,
    toggle("Read only: for announcements", rules.read_only, (on) => set({ read_only: on })),
    toggle("Only who is invited comes in, and sees the room", rules.invite_only, (on) => set({ invite_only: on })),
    toggle("Show images that are offered here", rules.images, (on) => set({ images: on })),
    toggle("Forget what was said when nobody is here any more", rules.forget, (on) => set({ forget: on })),
  ];
}

function facts(rules, inCharge) {
  const rows = [];
  if (!inCharge) {
    rows.push(["Topic", rules.topic === "moderators" ? "moderators set it" : "everybody may set it"]);
    if (rules.read_only) rows.push(["Read only", "only moderators talk"]);
    if (rules.invite_only) rows.push(["Invite only", "others do not see this room"]);
    if (rules.images) rows.push(["Images", "those that are offered are shown"]);
    if (rules.forget) rows.push(["Forget", "what is said goes when nobody is here"]);
  }
  rows.push(["Frozen", rules.frozen ? `by ${rules.frozen}${rules.until ? `, until ${moment(rules.until)}` : ""}` : "no"]);
  rows.push(["Locked", rules.locked ? "nobody else comes in" : "no"]);
  rows.push(["Slow mode", rules.slow ? `one message every ${spoken(rules.slow)}` : "off"]);
  if (rules.invited) rows.push(["Invited", rules.invited.map(shown).join(", ")]);
  return h("dl.rules", {}, ...rows.map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text))));
}
