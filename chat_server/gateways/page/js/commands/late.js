// The command about direct messages that are sent while one is away.

const SWITCH = { "": undefined, on: true, off: false };

export const LATE = {
  async late({ session, store }, argument, command) {
    if (!Object.hasOwn(SWITCH, argument)) throw new Error(`Type ${command.usage}`);
    const { late } = await session.request("late", { on: SWITCH[argument] });
    store.note(
      late
        ? "Direct messages are kept for you while you are away; /late off ends that."
        : "No direct messages are kept for you while you are away; /late on changes that.",
    );
  },
};
