// The commands for oneself, for one's account, and for the page.

import { needed, split } from "./arguments.js";

const BELLS = ["on", "off", "all"];

export const YOU = {
  async nick({ session, store }, argument, command) {
    try {
      const { nick } = await session.request("nick", { nick: needed(argument, command) });
      store.note(`You are ${nick} now.`);
    } catch (error) {
      if (error.code !== "nick_in_use") throw error;
      throw new Error(`${error.message} If it is your account's: /login @${argument}`);
    }
    store.emit("places");
    store.emit("people");
  },

  away({ store }, argument) {
    store.setAway(argument);
    store.note("You are away: who writes to you or names you is told once; /back ends that.");
  },

  back({ store }) {
    store.setAway(null);
    store.note("You are back.");
  },

  bell({ settings, store }, argument, command) {
    if (!BELLS.includes(argument)) throw new Error(`Type ${command.usage}`);
    settings.set("sound", argument);
    store.note(`The bell is ${argument}.`);
  },

  async register({ session, store, dialogs }, argument) {
    const password = argument || (await dialogs.askPassword("Make an account", { twice: true }));
    if (!password) return;
    const { account } = await session.request("register", { password });
    store.note(`The nick ${account} is your account now: with its password you have it again, anywhere.`);
    store.emit("role");
  },

  async login({ session, store, dialogs }, argument) {
    const [first, rest] = split(argument);
    const account = first.startsWith("@") ? first.slice(1) : undefined;
    const typed = account ? rest : argument;
    const title = `Log in as ${account ?? session.nick}`;
    const password = typed || (await dialogs.askPassword(title));
    if (!password) return;
    const { nick, role } = await session.request("login", { password, account });
    store.role = role;
    store.emit("role");
    store.note(`You are logged in as ${nick}.`);
  },

  async password({ session, store, dialogs }) {
    const old = await dialogs.askPassword("Your password as it is");
    const password = old && (await dialogs.askPassword("Your new password", { twice: true }));
    if (!password) return;
    await session.request("password", { old, new: password });
    store.note("The password is changed; whoever else was logged in to your account is out.");
  },

  async logout({ session, store }, argument) {
    const account = session.account;
    const { nick, role } = await session.request("logout", { nick: argument || undefined });
    store.role = role;
    store.emit("role");
    store.note(`You are ${nick} now, and logged out; /login @${account} is the way back.`);
  },

  async claim({ session, store, dialogs, run }, argument) {
    const secret = argument || (await dialogs.askPassword("The owner's secret"));
    if (!secret) return;
    const before = store.role;
    const { role } = await session.request("claim", { secret });
    if (role === before) store.note(`You are an ${role} already.`);
    store.role = role;
    store.emit("role");
    if (role !== before) tellWhatNow(session, store, run);
  },
};

// What somebody does next who is in charge for the first time; and the account that keeps the role.
function tellWhatNow({ account }, store, run) {
  const keep = account
    ? `You stay the owner: log in to the account ${account}, wherever you are.`
    : "Make an account: with its password you are the owner again, on any computer.";
  const rows = [
    ["1.", keep],
    ["2.", "Freeze the room when you want to be heard: the shield above does, and raised hands are listed beside."],
    ["3.", "Touch a name to make somebody a moderator; /rules shows what holds in the room."],
  ];
  const action = account ? null : { text: "Make an account", run: () => run("/register") };
  store.note("What to do now", { kind: "steps", rows, action });
}

/** Commands for the page itself. */
export const PAGE = {
  reconnect({ session, store }, argument) {
    if (session.online) throw new Error("You are connected.");
    if (argument === "off") {
      session.pause();
      store.note("No more tries; /reconnect makes one.");
    } else if (session.state === "waiting") {
      session.retry();
    } else {
      session.start();
    }
  },

  help({ dialogs }, argument) {
    dialogs.help(argument.replace(/^\//, ""));
  },

  quit({ leave }) {
    return leave();
  },
};
