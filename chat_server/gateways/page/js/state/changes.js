// What becomes of a message that an edit or a deletion names, which are entries of the log.

const DELETED = "(deleted)";

/** Whether a message is something that somebody said, and no entry that does something else. */
export function isSaid({ kind, changes }) {
  return !changes && kind !== "topic" && kind !== "notice";
}

/** Return a message after an entry of its log: the same object where that does not concern it. */
export function changedBy(message, entry) {
  const { seq, changes, reply_to: answers } = message;
  if (answers === entry.changes) return { ...message }; // it shows what it answers
  if (seq !== entry.changes && !(changes === entry.changes && seq < entry.seq)) return message;
  if (message.kind === "delete" || message.deleted) return message;
  if (entry.kind === "delete" || entry.deleted) return deleted(message);
  return { ...message, text: entry.text, edited: message.kind !== "edit" };
}

function deleted({ room, seq, time, from, kind, bot, role, changes }) {
  const shown = kind === "edit" ? kind : "text";
  return { room, seq, time, from, kind: shown, text: DELETED, bot, role, changes, deleted: true };
}
