// The commands for the rules of a room: what holds there, and who comes in.

import { needed, roomHere, roomName, split } from "./arguments.js";

const SWITCHES = { "read-only": "read_only", "invite-only": "invite_only", forget: "forget", images: "images" };
const TOPIC = ["everybody", "moderators", "default"];

export const RULES = {
  async rules({ session, store, dialogs }, argument, command) {
    const room = roomHere(store);
    if (!argument) {
      await dialogs.rules(room.name);
      return;
    }
    const [rule, value] = split(argument);
    const wanted = read(rule, value);
    if (!wanted) throw new Error(`"${argument}" is no rule: type ${command.usage}`);
    await session.request("set_rules", { room: room.name, ...wanted });
  },

  async invite({ session, store }, argument, command) {
    const { who, room } = whoAndRoom(store, argument, command);
    await session.request("invite", { who, room });
    store.note(`${who} may come into #${room}; /uninvite ${who} ends that.`);
  },

  async uninvite({ session, store }, argument, command) {
    const { who, room } = whoAndRoom(store, argument, command);
    await session.request("uninvite", { who, room });
    store.note(`${who} is not invited to #${room} any more.`);
  },
};

function read(rule, value) {
  if (rule === "topic" && TOPIC.includes(value)) return { topic: value };
  if (rule in SWITCHES && ["on", "off"].includes(value)) return { [SWITCHES[rule]]: value === "on" };
  return null;
}

function whoAndRoom(store, argument, command) {
  const [who, room] = split(needed(argument, command));
  return { who, room: room ? roomName(room) : roomHere(store).name };
}
