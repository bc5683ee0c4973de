"""What can be typed: text, and the commands.

A command is a function with its usage and its help at it; nothing else has to be told of a new
one. Those that ask the server are run by a thread that may wait, and touch nothing of the view
but through `Talk.post`; the others are run by the view's own thread.
"""

import difflib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from chat_client import private
from chat_client.chat import Chat, Room
from chat_client.errors import CommandError, Refused
from chat_client.events import Event
from chat_client.lines import Lines
from chat_client.text import fold, one_line
from chat_client.view import Bell, View
from protocol.errors import Code, ProtocolError
from protocol.messages import Message
from protocol.text import normalize_room, normalize_text

SHOWN = 20
"""Messages that are shown on joining, and by /history and /search where no number is given."""

_FOUND = 100
"""Messages that /search shows at the most."""

Group = Literal["talk", "rooms", "read", "people", "you", "program"]


@dataclass(frozen=True, slots=True)
class Pages:
    """Lines that go to the pager where they do not fit the screen."""

    lines: list[str]


Item = Event | str | Pages | Callable[[], Iterable[str]]
"""What the screen takes: what happened, a line, many lines, or what is to be done by the view's
thread and yields lines.
"""


@dataclass(frozen=True)
class Talk:
    """What a command works on.

    Attributes:
        chat: the chat.
        view: what the user looks at; for the thread that owns it.
        lines: makes lines.
        post: hands something to the screen. From any thread.
        enter: does as if a line had been typed. For the view's thread.
        quit: ends the program, soon.
    """

    chat: Chat
    view: View
    lines: Lines
    post: Callable[[Item], None]
    enter: Callable[[str], None]
    quit: Callable[[], None]

    def note(self, text: str) -> None:
        """Show a line of the client's own."""
        self.post(self.lines.system(text))


@dataclass(frozen=True)
class Typed:
    """A line that was typed.

    Attributes:
        text: all of it.
        command: which command it is.
        argument: what was typed behind the command's name.
        room: the name of the room that one was in, None if in none.
        at: when, on the monotonic clock.
    """

    text: str
    command: "Command"
    argument: str
    room: str | None
    at: float = field(default_factory=time.monotonic)

    def here(self, talk: Talk) -> Room:
        """Return the room.

        Raises:
            CommandError: there is none.
            Refused: it was left since.
        """
        if self.room is None:
            raise CommandError("you are in no room: type /join ROOM, or /rooms to see them")
        found = next((room for room in talk.chat.joined if room.name == self.room), None)
        if found is None:
            raise Refused(Code.NOT_IN_ROOM, f"you are no longer in #{self.room}")
        return found

    def needed(self) -> str:
        """Return the argument.

        Raises:
            CommandError: there is none.
        """
        if not self.argument:
            raise CommandError(f"something is missing: type {self.command.usage}")
        return self.argument


Run = Callable[[Talk, Typed], None]


@dataclass(frozen=True)
class Command:
    """One thing that can be typed.

    Attributes:
        usage: how it is typed.
        help: what it does.
        group: where /help lists it.
        aliases: its other names.
        asks: whether it asks the server, and so may wait.
        private: whether it is kept out of the input history's file.
        run: does it.
    """

    usage: str
    help: str
    group: Group
    aliases: tuple[str, ...]
    asks: bool
    private: bool
    run: Run


_commands: dict[str, Command] = {}
_names: dict[str, Command] = {}  # the aliases, too


def names() -> list[str]:
    """Return what all commands are called, with the slash."""
    return [f"/{name}" for name in _commands]


def parse(text: str, view: View) -> Typed:
    """Return what a line is that was typed, checked as far as that is possible without the server.

    Raises:
        CommandError: there is no such command, or the text cannot be said.
    """
    room = view.current.name if view.current else None
    if text.startswith("/") and not text.startswith("//"):
        name, _, argument = text[1:].partition(" ")
        return Typed(text, _find(name), argument.strip(), room)
    said = text.removeprefix("/")
    try:
        normalize_text(said)
    except ProtocolError as error:
        raise CommandError(f"not sent, {error.text}") from None
    if view.query:
        return Typed(text, _names["msg"], f"{view.query} {said}", room)
    return Typed(text, _SAY, said, room)


def _find(name: str) -> Command:
    found = _names.get(name.lower())
    if found:
        return found
    near = difflib.get_close_matches(name.lower(), _names, n=1, cutoff=0.5)
    hint = f"did you mean /{near[0]}?" if near else "/help shows all."
    raise CommandError(f"there is no command /{name}; {hint} To say it, type //{name}")


def _command(
    usage: str,
    help: str,
    group: Group,
    *aliases: str,
    asks: bool = False,
    private: bool = False,
) -> Callable[[Run], Run]:
    """Register the function below as the command that `usage` begins with."""

    def register(run: Run) -> Run:
        name = usage.split()[0].removeprefix("/")
        command = Command(usage, help, group, aliases, asks, private, run)
        _commands[name] = command
        _names.update(dict.fromkeys((name, *aliases), command))
        return run

    return register


# -- talking --------------------------------------------------------------------------------------


def _say(talk: Talk, typed: Typed) -> None:
    typed.here(talk).say(typed.argument)


_SAY = Command("TEXT", "say TEXT in the room; //TEXT says /TEXT", "talk", (), True, False, _say)


@_command("/me TEXT", "say what you do: /me waves", "talk", "action", asks=True)
def _me(talk: Talk, typed: Typed) -> None:
    typed.here(talk).say(typed.needed(), kind="action")


@_command(
    "/msg NICK TEXT", "tell one person something; it is kept nowhere", "talk", "tell", "w",
    asks=True, private=True,
)  # fmt: skip
def _msg(talk: Talk, typed: Typed) -> None:
    nick, _, text = typed.needed().partition(" ")
    text = text.lstrip(" ")
    if not text:
        raise CommandError(f"something is missing: type {typed.command.usage}")
    talk.chat.tell(nick, text)
    talk.post(talk.lines.direct("to", nick, text))


@_command("/reply TEXT", "answer the last direct message", "talk", "r", private=True)
def _reply(talk: Talk, typed: Typed) -> None:
    if talk.view.writer is None:
        raise CommandError("nobody has sent you a direct message yet: type /msg NICK TEXT")
    talk.enter(f"/msg {talk.view.writer} {typed.needed()}")


@_command(
    "/query [NICK]", "send what you type to one person; without NICK, to the room again", "talk",
    "q",
)  # fmt: skip
def _query(talk: Talk, typed: Typed) -> None:
    nick = typed.argument.split(" ")[0]
    talk.view.query = nick or None
    what = f"what you type goes to {nick}; /query ends that" if nick else "you talk to the room"
    talk.note(what)


# -- rooms ----------------------------------------------------------------------------------------


@_command("/join ROOM", "enter a room, or go back to one that you are in", "rooms", "j", asks=True)
def _join(talk: Talk, typed: Typed) -> None:
    name = typed.needed().removeprefix("#")
    known = [room.name for room in talk.chat.joined]
    room = talk.chat.join(name, history=SHOWN)
    if room.name in known:
        talk.post(lambda: talk.view.switch(room.name))


@_command("/switch [ROOM|N]", "look at a room, by name or number; Alt-1..9, Ctrl-N, Ctrl-P, Alt-A",
          "rooms", "s")  # fmt: skip
def _switch(talk: Talk, typed: Typed) -> None:
    rooms = list(talk.view.rooms)
    wanted = typed.argument.removeprefix("#").lower() or talk.view.neighbour(1) or ""
    is_number = wanted not in rooms and wanted.isascii() and wanted.isdigit()
    if is_number and 1 <= int(wanted[:3]) <= len(rooms):
        wanted = rooms[int(wanted[:3]) - 1]
    if wanted not in rooms:
        raise CommandError(f"you are in no room {one_line(wanted)!r}: type /join ROOM")
    talk.post(lambda: talk.view.switch(wanted))


@_command("/leave [ROOM]", "leave the room, or another one", "rooms", "part", asks=True)
def _leave(talk: Talk, typed: Typed) -> None:
    if typed.argument:
        name = _checked_room(typed.argument)
        typed = Typed(typed.text, typed.command, "", name)
    room = typed.here(talk)
    room.leave()

    def forget() -> Iterator[str]:
        looked_at = talk.view.current and talk.view.current.name == room.name
        talk.view.forget(room.name)
        yield talk.lines.system(f"you left #{room.name}")
        if looked_at and talk.view.current:
            yield from talk.view.switch(talk.view.current.name)

    talk.post(forget)


@_command("/rooms", "show all rooms", "rooms", "list", asks=True)
def _rooms(talk: Talk, _: Typed) -> None:
    rooms = talk.chat.rooms()
    title = talk.lines.system(f"{len(rooms)} rooms:")
    talk.post(Pages([title, *(talk.lines.entry(entry) for entry in rooms)]))


@_command("/topic [TEXT]", "show the room's topic, or set it", "rooms", asks=True)
def _topic(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    if typed.argument:
        room.set_topic(typed.argument)
        return
    talk.note(f"the topic of #{room.name}: {room.topic}" if room.topic else "there is no topic")


@_command("/who", "show who is in the room", "rooms", "names", asks=True)
def _who(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    nicks = room.who()
    listed = talk.lines.system(f"{len(nicks)} in #{room.name}: {', '.join(nicks)}")
    talk.post(Pages(listed.split("\n")))


# -- reading back ---------------------------------------------------------------------------------


@_command("/history [N]", f"show the last N messages ({SHOWN} without N); PgUp shows 200", "read",
          asks=True)  # fmt: skip
def _history(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    messages = room.history(_count(typed))
    title = talk.lines.system(f"the last {len(messages)} in #{room.name}:")
    shown = [_old(talk, message, room) for message in messages]
    talk.post(Pages([title, *shown]))


@_command(
    "/search WORDS", "show the newest messages that hold all of these words", "read", "lastlog",
    asks=True,
)  # fmt: skip
def _search(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    messages = room.search(typed.needed(), _FOUND)
    found = f"the newest {len(messages)} with" if messages else "nothing with"
    title = talk.lines.system(f"{found} {typed.argument!r} in #{room.name}")
    talk.post(Pages([title, *(_old(talk, message, room) for message in messages)]))


def _old(talk: Talk, message: Message, room: Room) -> str:
    return talk.lines.message(message, talk.chat.nick, room.name, dated=True)


# -- people ---------------------------------------------------------------------------------------


@_command(
    "/ignore [NICK]", "hide a person, also after a restart; without NICK, show whom", "people"
)
def _ignore(talk: Talk, typed: Typed) -> None:
    ignored = talk.view.ignored
    if not typed.argument:
        talk.note(f"hidden: {', '.join(sorted(ignored))}" if ignored else "nobody is hidden")
        return
    ignored.add(fold(typed.argument))
    private.write_ignored(ignored)
    talk.note(f"{typed.argument} is hidden; /unignore {typed.argument} undoes that")


@_command("/unignore NICK", "show a person again", "people")
def _unignore(talk: Talk, typed: Typed) -> None:
    nick = fold(typed.needed())
    if nick not in talk.view.ignored:
        raise CommandError(f"{one_line(nick)} is not hidden: /ignore shows who is")
    talk.view.ignored.discard(nick)
    private.write_ignored(talk.view.ignored)
    talk.note(f"{typed.argument} is shown again")


@_command("/focus [NICK ...]", "hide all but these for now; without NICK, show all", "people")
def _focus(talk: Talk, typed: Typed) -> None:
    talk.view.focused = {fold(nick) for nick in typed.argument.split()}
    talk.note(f"only shown: {typed.argument}" if typed.argument else "everybody is shown")


@_command("/quiet", "say nothing about who comes and goes; again, to hear it", "people")
def _quiet(talk: Talk, _: Typed) -> None:
    talk.view.quiet = not talk.view.quiet
    talk.note("who comes and goes is " + ("not told" if talk.view.quiet else "told"))


# -- yourself -------------------------------------------------------------------------------------


@_command("/nick NICK", "take another nick", "you", asks=True)
def _nick(talk: Talk, typed: Typed) -> None:
    nick = talk.chat.rename(typed.needed())

    def rename() -> Iterator[str]:
        talk.view.nick = nick
        yield talk.lines.system(f"you are {nick} now")

    talk.post(rename)


@_command("/away [WHY]", "let those who write to you or name you be told once", "you")
def _away(talk: Talk, typed: Typed) -> None:
    talk.view.leave_for(typed.argument)
    talk.note("you are away: who writes to you or names you is told once; /back ends that")


@_command("/back", "you are here again", "you")
def _back(talk: Talk, _: Typed) -> None:
    talk.view.come_back()
    talk.note("you are back")


@_command("/bell on|off|all", "ring for your name and direct messages, never, or always", "you")
def _bell(talk: Talk, typed: Typed) -> None:
    for mode in get_args(Bell):
        if typed.needed() == mode:
            talk.view.bell = mode
            talk.note(f"the bell is {mode}")
            return
    raise CommandError(f"{one_line(typed.argument)!r} is none of these: type {typed.command.usage}")


# -- the program ----------------------------------------------------------------------------------


@_command(
    "/reconnect [off]", "try to connect now; off: try no more until you say so", "program",
)  # fmt: skip
def _reconnect(talk: Talk, typed: Typed) -> None:
    if talk.chat.connected:
        raise CommandError("you are connected; /quit ends the program")
    if typed.argument == "off":
        talk.chat.pause()
        talk.view.stop_retrying()
        talk.note("no more tries; /reconnect makes one")
        return
    talk.chat.retry()


@_command("/help [COMMAND]", "show what can be typed", "program", "?")
def _help(talk: Talk, typed: Typed) -> None:
    if typed.argument == "keys":
        talk.post(talk.lines.indented(_KEYS))
        return
    if typed.argument:
        found = _find(typed.argument.removeprefix("/"))
        others = f" (also /{', /'.join(found.aliases)})" if found.aliases else ""
        talk.post(talk.lines.indented(f"{found.usage}  {found.help}{others}"))
        return
    groups: dict[str, list[str]] = {"talk": ["TEXT", "//TEXT"]}
    for command in _commands.values():
        groups.setdefault(command.group, []).append(command.usage)
    for group, usages in groups.items():
        talk.post(talk.lines.indented(f"{group}: {'  '.join(usages)}"))
    talk.post(
        talk.lines.indented("keys: Tab, PgUp and others: /help keys; /help COMMAND tells more")
    )


_KEYS = (
    "Tab completes; Alt-1..9, Ctrl-N and Ctrl-P go to a room, Alt-A to the one with most news; "
    "PgUp reads back; Alt-Enter makes a new line; Ctrl-O opens your editor; Up and Ctrl-R find "
    "what you typed before; Alt-R brings back what was not sent or was cleared; Ctrl-L draws the "
    "screen again; Ctrl-C clears the line, or asks whether to leave; Ctrl-D leaves"
)


@_command("/quit", "end the program; so does Ctrl-D", "program", "exit", "bye")
def _quit(talk: Talk, _: Typed) -> None:
    talk.quit()


def _checked_room(name: str) -> str:
    try:
        return normalize_room(name.removeprefix("#"))
    except ProtocolError as error:
        raise CommandError(error.text) from None


def _count(typed: Typed) -> int:
    argument = typed.argument
    if not argument:
        return SHOWN
    if argument.isascii() and argument.isdigit() and 1 <= int(argument[:9]) <= 10_000:
        return int(argument[:9])
    raise CommandError(f"{one_line(argument)!r} is no number from 1 to 10000: type /history [N]")
