// What moderators do to a room, and the list of bans.

import { button, h } from "../dom.js";
import { moment } from "../state/time.js";
import { choice, choices, field, form, openDialog } from "./dialog.js";

const SLOW = [
  ["off", "off"],
  ["5s", "5 seconds"],
  ["30s", "30 seconds"],
  ["2m", "2 minutes"],
];

const FREEZE = [
  ["", "until I end it"],
  ["5m", "5 minutes"],
  ["15m", "15 minutes"],
  ["45m", "45 minutes"],
];

/** Open what can be done to the current room. */
export function openModeration(app) {
  const { store, run } = app;
  const room = store.current;
  const name = `#${room.name}`;
  const done = (line) => async () => (await run(line)) || (dialog.close(), "");
  const freeze = form([choice("Freeze: only moderators talk", "duration", FREEZE, "")], "Freeze", ({ duration }) =>
    done(`/freeze ${room.name} ${duration}`)(), { inline: true },
  );
  const slow = form([choice("Slow mode: one message each", "every", SLOW, "off")], "Set", ({ every }) => done(`/slow ${every}`)(), { inline: true });
  const words = field("Announcement", "text", { maxlength: "4000", required: true }, "Everybody in the rooms sees it as a notice.");
  const where = choice("Where", "where", [["here", `in ${name}`], ["all", "in all rooms"]], "here");
  const announce = form([words, where], "Announce", ({ text, where: place }) =>
    done(place === "here" ? `/announce ${name} ${text}` : `/announce ${text}`)(),
  );
  const entries = [
    ["Lock: nobody else comes in", () => run(`/lock ${room.name}`)],
    ["Unlock", () => run(`/unlock ${room.name}`)],
    ["Show whose hands are up", () => run("/hands")],
    ["Ask a poll", () => run("/poll")],
    ["Bans and mutes", () => run("/bans")],
    ["Rules of the room, and who is invited", () => run("/rules")],
    ["The wall, for a projector", () => open(`/wall#${room.name}`, "_blank", "noopener")],
  ];
  const thaw = choices([["Let everybody talk", () => run(`/unfreeze ${room.name}`)]], () => dialog);
  const dialog = openDialog(`Moderate ${name}`, room.frozen ? thaw : freeze, choices(entries, () => dialog), slow, announce);
}

/** Open the list of who is banned or muted. */
export async function openBans({ session, store }) {
  const list = h("ul.bans");
  let after;
  for (;;) {
    const page = await session.request("bans", { after });
    list.append(...page.bans.map((entry) => row(entry)));
    if (!page.more) break;
    after = page.bans.at(-1).number;
  }
  if (!list.children.length) list.append(h("li", {}, "Nobody is banned or muted."));
  openDialog("Bans and mutes", list);

  function row(entry) {
    const until = entry.until ? `until ${moment(entry.until)}` : "until somebody ends it";
    const end = button(entry.act === "ban" ? "Let in again" : "Let talk", async () => {
      await session.request(entry.act === "ban" ? "unban" : "unmute", { who: entry.who }).catch((error) => store.note(error.message));
      item.remove();
    }, { class: "small" });
    const text = `${entry.act === "ban" ? "banned" : "muted"} by ${entry.by} ${until}`;
    const item = h("li", {}, h("div", {}, h("strong", {}, entry.who), h("small", {}, entry.reason ? `${text}: ${entry.reason}` : text)), end);
    return item;
  }
}
