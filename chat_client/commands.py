"""What can be typed: text, and the commands.

A command is a function with its usage and its help at it; nothing else has to be told of a new
one.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from chat_client.chat import Chat, Room
from chat_client.errors import ChatError, CommandError
from chat_client.lines import Lines, one_line

_SHOWN = 20
"""Messages that /history and /search show where no number is given."""


@dataclass
class Conversation:
    """What a command works on.

    One thread at a time carries commands out; any may look at the attributes.

    Attributes:
        chat: the chat.
        lines: makes lines to show.
        show: shows a line. May be called from any thread.
        quit: ends the program, soon.
        room: where what is typed goes; None if we are in no room.
        focus: the name of the room that one looks at, or is just entering.
    """

    chat: Chat
    lines: Lines
    show: Callable[[str], None]
    quit: Callable[[], None]
    room: Room | None = None
    focus: str | None = None

    def enter(self, name: str) -> None:
        """Go into a room; if that is new to us, what was said there last is shown.

        Raises:
            ChatError: it cannot be entered.
        """
        known = name.lower() in [room.name for room in self.chat.joined]
        before, self.focus = self.focus, name.lower()  # before its first messages come
        try:
            self.room = self.chat.join(name, history=_SHOWN)
        except ChatError:
            self.focus = before
            raise
        if known:  # else the event has said so
            self.show(self.lines.entered(self.room.name, self.room.topic))

    def here(self) -> Room:
        """Return the room.

        Raises:
            CommandError: there is none.
        """
        if self.room is None:
            raise CommandError("you are in no room: type /join ROOM, or /rooms to see them")
        return self.room


Run = Callable[[Conversation, str], None]


@dataclass(frozen=True)
class Command:
    """One thing that can be typed.

    Attributes:
        usage: how it is typed.
        help: what it does.
        immediate: whether it asks the server nothing, and so never waits for it.
        run: does it, given what was typed behind the name.
    """

    usage: str
    help: str
    immediate: bool
    run: Run


_commands: dict[str, Command] = {}


def parse(line: str) -> tuple[Command, str]:
    """Return the command that a line is, and its argument.

    Raises:
        CommandError: there is no such command.
    """
    if not line.startswith("/") or line.startswith("//"):
        return _SAY, line.removeprefix("/")
    name, _, argument = line[1:].partition(" ")
    return _find(name), argument.strip()


def _find(name: str) -> Command:
    found = _commands.get(name.lower())
    if found:
        return found
    near = difflib.get_close_matches(name.lower(), _commands, n=1, cutoff=0.5)
    hint = f"did you mean /{near[0]}?" if near else "/help shows all."
    raise CommandError(f"there is no command /{name}; {hint} To say it, type //{name}")


def _command(usage: str, help: str, *, immediate: bool = False) -> Callable[[Run], Run]:
    """Register the function below as the command that `usage` begins with."""

    def register(run: Run) -> Run:
        name = usage.split()[0].removeprefix("/")
        _commands[name] = Command(usage, help, immediate, run)
        return run

    return register


def _say(conversation: Conversation, text: str) -> None:
    conversation.here().say(text)


_SAY = Command("TEXT", "say TEXT in the room; //TEXT says /TEXT", False, _say)


@_command("/join ROOM", "enter a room, or go back to one that you are in")
def _join(conversation: Conversation, argument: str) -> None:
    conversation.enter(_needed(argument, "/join").removeprefix("#"))


@_command("/leave", "leave the room")
def _leave(conversation: Conversation, _: str) -> None:
    room = conversation.here()
    room.leave()
    left = conversation.chat.joined
    conversation.room = left[-1] if left else None
    conversation.focus = left[-1].name if left else None
    where = f"you are in #{left[-1].name} now" if left else "you are in no room now"
    conversation.show(conversation.lines.system(f"you left #{room.name}; {where}"))


@_command("/me TEXT", "say what you do: /me waves")
def _me(conversation: Conversation, argument: str) -> None:
    conversation.here().say(_needed(argument, "/me"), kind="action")


@_command("/msg NICK TEXT", "tell one person something; it is not kept")
def _msg(conversation: Conversation, argument: str) -> None:
    nick, _, text = argument.partition(" ")
    text = _needed(text.strip(), "/msg")
    conversation.chat.tell(nick, text)
    conversation.show(conversation.lines.direct("to", nick, text))


@_command("/nick NICK", "take another nick")
def _nick(conversation: Conversation, argument: str) -> None:
    nick = conversation.chat.rename(_needed(argument, "/nick"))
    conversation.show(conversation.lines.system(f"you are {nick} now"))


@_command("/topic [TEXT]", "show the room's topic, or set it")
def _topic(conversation: Conversation, argument: str) -> None:
    room = conversation.here()
    if argument:
        room.set_topic(argument)
        return
    topic = f"the topic of #{room.name}: {room.topic}" if room.topic else "there is no topic"
    conversation.show(conversation.lines.system(topic))


@_command("/who", "show who is in the room")
def _who(conversation: Conversation, _: str) -> None:
    room = conversation.here()
    nicks = room.who()
    conversation.show(
        conversation.lines.system(f"{len(nicks)} in #{room.name}: {', '.join(nicks)}")
    )


@_command("/rooms", "show all rooms")
def _rooms(conversation: Conversation, _: str) -> None:
    rooms = conversation.chat.rooms()
    conversation.show(conversation.lines.system(f"{len(rooms)} rooms:"))
    for entry in rooms:
        conversation.show(conversation.lines.entry(entry))


@_command("/history [N]", f"show the last N messages of the room ({_SHOWN} without N)")
def _history(conversation: Conversation, argument: str) -> None:
    room = conversation.here()
    messages = room.history(_count(argument))
    conversation.show(conversation.lines.system(f"the last {len(messages)} in #{room.name}:"))
    for message in messages:
        conversation.show(
            conversation.lines.message(message, conversation.chat.nick, room.name, dated=True)
        )


@_command("/search WORDS", "show the newest messages that hold all of these words")
def _search(conversation: Conversation, argument: str) -> None:
    room = conversation.here()
    messages = room.search(_needed(argument, "/search"), _SHOWN)
    found = f"the newest {len(messages)} with" if messages else "nothing with"
    conversation.show(conversation.lines.system(f"{found} {argument!r} in #{room.name}"))
    for message in messages:
        conversation.show(
            conversation.lines.message(message, conversation.chat.nick, room.name, dated=True)
        )


@_command("/help [COMMAND]", "show what can be typed", immediate=True)
def _help(conversation: Conversation, argument: str) -> None:
    if argument:
        found = _find(argument.removeprefix("/"))
        conversation.show(f"      {found.usage}  {found.help}")
        return
    for command in (_SAY, *_commands.values()):
        conversation.show(f"      {command.usage:<16}  {command.help}")


@_command("/quit", "end the program; so does Ctrl-D", immediate=True)
def _quit(conversation: Conversation, _: str) -> None:
    conversation.quit()


def _needed(argument: str, name: str) -> str:
    if not argument:
        raise CommandError(f"something is missing: type {_commands[name[1:]].usage}")
    return argument


def _count(argument: str) -> int:
    if not argument:
        return _SHOWN
    if argument.isascii() and argument.isdigit() and 1 <= int(argument[:9]) <= 10_000:
        return int(argument[:9])
    raise CommandError(f"{one_line(argument)!r} is no number from 1 to 10000: type /history [N]")
