// What can be typed: the terminal client's table of commands, and how a line is read by it.
//
// /assets/commands.json is written from the client's own table, so both know the same commands.

export class CommandTable {
  all = [];
  #names = new Map();

  /** Read the table from the server. */
  async load() {
    const answer = await fetch("/assets/commands.json");
    const table = await answer.json();
    this.all = table.map((command) => ({ ...command, usage: usageOf(command) }));
    for (const command of this.all) {
      for (const name of [command.name, ...command.aliases]) this.#names.set(name, command);
    }
  }

  /** Return the command of a name or alias, or undefined. */
  find(name) {
    return this.#names.get(name.toLowerCase());
  }

  /**
   * Return what a line is: {command, argument}, or {text} if it is to be said.
   *
   * Throws an Error that says what is wrong and which command may be meant.
   */
  parse(line) {
    const bare = line.trimStart();
    if (line.startsWith("//")) return { text: line.slice(1) };
    const [, name = "", behind = ""] = /^\/(\S*)([^]*)$/.exec(bare) ?? [];
    const found = bare.startsWith("/") ? this.find(name) : undefined;
    // A blank before it says the line, unless that would tell others a secret.
    if (!line.startsWith("/") && !found?.private) return { text: line };
    const argument = found?.name === "code" ? behind.replace(/^ /, "") : behind.trim(); // code keeps its blanks
    if (found) return { command: found, argument };
    throw new Error(this.#unknown(name));
  }

  #unknown(name) {
    const near = [...this.#names.keys()]
      .filter((each) => !this.#names.get(each).leaves)
      .map((each) => [distance(each, name.toLowerCase()), each])
      .sort((a, b) => a[0] - b[0])[0];
    const hint = near && near[0] <= 2 ? `did you mean /${near[1]}?` : "/help shows all.";
    return `There is no command /${name}; ${hint} To say it, type //${name}`;
  }
}

// How a command is typed.
function usageOf({ name, arguments: taken }) {
  return `/${name} ${taken}`.trimEnd();
}

// How many letters must change to make one word the other (Levenshtein).
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
