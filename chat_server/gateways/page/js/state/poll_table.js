// The results of polls as a table for a spreadsheet (RFC 4180), as /poll csv of the terminal has it.

const HEADS = ["room", "seq", "asked", "ended", "by", "question", "option", "votes", "voters"];

/** Let the browser save the results among `messages`. Returns how many there are. */
export function savePolls(messages, name) {
  const results = messages.filter(({ poll }) => poll?.counts);
  if (!results.length) return 0;
  const lines = [HEADS, ...results.flatMap(rows)].map((cells) => cells.map(cell).join(","));
  const file = new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  return results.length;
}

function rows({ room, seq, time, poll }) {
  const about = [room, String(seq), moment(poll.time), moment(time), poll.by, poll.question];
  return poll.options.map((option, number) => [
    ...about,
    option,
    String(poll.counts[number] ?? 0),
    (poll.voters?.[number] ?? []).join(", "),
  ]);
}

function moment(seconds) {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

// No spreadsheet is to take what somebody wrote for a formula (OWASP: CSV injection).
function cell(text) {
  const plain = /^ *[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
