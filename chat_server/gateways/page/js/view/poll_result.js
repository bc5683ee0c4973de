// What a message of the kind `poll` says: a poll that begins, or its result with bars.

import { button, h } from "../dom.js";
import { savePolls } from "../state/poll_table.js";
import { shown } from "../state/text.js";

/** Return the nodes of the message's text. */
export function pollBody(message) {
  const { question, options, counts, voters } = message.poll;
  const title = h("p.question", {}, counts ? "Result of the poll: " : "Poll: ", h("strong", {}, shown(question)));
  if (!counts) return [title, h("ol.options", {}, ...options.map((option) => h("li", {}, shown(option))))];
  const most = Math.max(1, ...counts);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rows = options.map((option, number) => {
    const count = counts[number] ?? 0;
    const share = total ? ` (${Math.round((100 * count) / total)} %)` : "";
    const nicks = voters?.[number] ?? [];
    return h(
      "li",
      {},
      h("bdi", {}, shown(option)),
      h("progress", { max: most, value: count, "aria-hidden": "true" }),
      h("span.votes", {}, `${count}${share}`),
      nicks.length ? h("small", { dir: "auto" }, nicks.map(shown).join(", ")) : null,
    );
  });
  const save = button("Save as CSV", () => savePolls([message], `poll-${message.seq}.csv`), { class: "small" });
  return [title, h("ul.options", {}, ...rows), save];
}
