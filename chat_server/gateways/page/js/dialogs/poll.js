// Asking a question: of a moderator, with a hand, and of the whole room, with a poll.

import { h } from "../dom.js";
import { field, form, openDialog } from "./dialog.js";

const MOST = 10; // options

/** Open the way to raise a hand with a question. */
export function openQuestion({ store }) {
  const room = store.current;
  const question = field("Your question", "question", { maxlength: "300", value: room.question, autofocus: true }, "Moderators see it now, the others when it is your turn. It may be left empty.");
  const dialog = openDialog(
    "Raise your hand",
    form([question], "Raise your hand", async (typed) => {
      try {
        await store.turns.raise(room, typed.question.trim());
      } catch (error) {
        return error.message;
      }
      dialog.close();
      return "";
    }),
  );
}

/** Open the way to ask a poll. */
export function openPoll({ session, store }) {
  const room = store.current;
  const question = field("Question", "question", { maxlength: "300", required: true, autofocus: true });
  const lines = h("textarea", { id: "field-options", name: "options", rows: "4", required: true, "aria-describedby": "hint-options" }, "yes\nno");
  const options = h("div.labelled", {}, h("label", { for: "field-options" }, "Options"), lines, h("small", { id: "hint-options" }, `One on each line, ${MOST} at most.`));
  const named = h("label.toggle", {}, h("input", { type: "checkbox", name: "named" }), h("span", {}, "The result names who voted for what"));
  const dialog = openDialog(
    `Poll in #${room.name}`,
    form([question, options, named], "Ask", async (typed) => {
      const wanted = typed.options.split("\n").map((each) => each.trim()).filter(Boolean);
      if (wanted.length < 2 || wanted.length > MOST) return `A poll has 2 to ${MOST} options.`;
      try {
        await session.request("poll", { room: room.name, question: typed.question, options: wanted, named: "named" in typed || undefined });
      } catch (error) {
        return error.message;
      }
      dialog.close();
      return "";
    }),
  );
}
