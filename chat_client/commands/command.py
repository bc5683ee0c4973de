"""What can be typed: text, and commands.

A command is a function with its usage and its help at it; nothing else has to be told of a new
one: /help lists it, and Tab completes what its usage names. Those that ask the server are run by a
thread that may wait, and touch nothing of the view but through `Talk.post`; the others are run by
the view's own thread.

A password is in `Typed.secrets` and nowhere else: not in the text that is kept, shown while it
waits, and brought back when it was refused.
"""

import difflib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

from chat_client.api.chat import Chat
from chat_client.api.room import Room
from chat_client.display.model import View
from chat_client.display.people import Person
from chat_client.display.terminal_lines import Lines
from chat_client.errors import CommandError, Refused
from chat_client.events import Event
from protocol.errors import Code, ProtocolError
from protocol.text import normalize_text

Group = Literal["talk", "rooms", "read", "people", "you", "in charge", "program"]
IN_CHARGE: Group = "in charge"
"""What moderators and owners do."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Lines that go to the pager where they do not fit the screen.

    Attributes:
        lines: what is to be read.
        from_end: whether the last of them is what one looks at first.
        first: which of them is, otherwise; from 0.
    """

    lines: list[str]
    from_end: bool = False
    first: int = 0


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
        quit: ends the program, soon.
    """

    chat: Chat
    view: View
    lines: Lines
    post: Callable[[Item], None]
    quit: Callable[[], None]

    def note(self, text: str) -> None:
        """Show a line of the client's own."""
        self.post(self.lines.system(text))


@dataclass(frozen=True)
class Typed:
    """A line that was typed.

    Attributes:
        text: all of it, but for a password.
        command: which command it is.
        argument: what was typed behind the command's name, but for a password.
        room: the name of the room that one was in, None if in none.
        secrets: the passwords, none if none was typed.
        at: when, on the monotonic clock.
        read: how far the user had read in the room before being away; None if all is read.
        to: whom it is for, where that is one person.
        doubt: why the user is to say first whether it is for whoever has the nick now; or empty.
    """

    text: str
    command: "Command"
    argument: str
    room: str | None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    at: float = field(default_factory=time.monotonic)
    read: int | None = None
    to: Person | None = None
    doubt: str = ""

    @property
    def again(self) -> str:
        """What to type to have the same done: what was for one person is never for a room."""
        return f"/msg {self.to.nick} {self.argument}" if self.to else self.text

    def with_secrets(self, *secrets: str) -> "Typed":
        """Return the same with the passwords that were asked for."""
        return Typed(self.text, self.command, self.argument, self.room, secrets)

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
        secrets: the passwords that it takes, by what they are asked for with: "password". What is
            typed behind its name is one of them, if it takes any; if it takes several, that is
            refused, as nobody could tell where one ends.
        twice: whether the last is asked for twice, so that a slip of the finger does no harm.
        run: does it.
    """

    usage: str
    help: str
    group: Group
    aliases: tuple[str, ...]
    asks: bool
    private: bool
    secrets: tuple[str, ...]
    twice: bool
    run: Run

    @property
    def leaves(self) -> bool:
        """Whether it gives up a room, an account or the chat: who mistypes another command is not
        to be led there.
        """
        return self.name in ("quit", "leave", "logout")

    @property
    def name(self) -> str:
        """What it is called, without the slash."""
        return self.usage.split()[0].removeprefix("/")

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is called."""
        return (self.name, *self.aliases)


_names: dict[str, Command] = {}  # the aliases, too


def commands() -> list[Command]:
    """Return all commands, in the order in which they are listed: group by group."""
    groups = get_args(Group)
    return sorted(dict.fromkeys(_names.values()), key=lambda each: groups.index(each.group))


def find(name: str) -> Command:
    """Return the command that is called so.

    Raises:
        CommandError: there is none; it names the nearest.
    """
    found = _names.get(name.lower())
    if found:
        return found
    suggested = [each for each, command in _names.items() if not command.leaves]
    near = difflib.get_close_matches(name.lower(), suggested, n=1)
    hint = f"did you mean /{near[0]}?" if near else "/help shows all."
    raise CommandError(f"there is no command /{name}; {hint} To say it, type //{name}")


def parse(text: str, view: View) -> Typed:
    """Return what a line is that was typed, checked as far as that is possible without the server.

    Raises:
        CommandError: there is no such command, or the text cannot be said.
    """
    room = view.current.name if view.current else None
    start = secret_at(text)
    if start is not None:  # with a blank before it, too: a password is never said
        before, secret = text[:start].strip(), text[start:].strip()
        name, _, argument = before[1:].partition(" ")
        command = find(name)
        if secret and len(command.secrets) > 1:
            raise CommandError(f"type /{command.name} alone: you are asked for the passwords then")
        return Typed(before, command, argument.strip(), room, (secret,) if secret else ())
    bare = text.lstrip(" ")
    name, _, argument = bare[1:].partition(" ")
    # A command of those who talk privately is one with a blank before it, too: it is not said.
    if text.startswith("/") and not text.startswith("//"):
        return _addressed(Typed(text, find(name), argument.strip(), room), view)
    if bare.startswith("/") and name.lower() in _names and _names[name.lower()].private:
        return _addressed(Typed(text, find(name), argument.strip(), room), view)
    said = text.removeprefix("/")
    try:
        normalize_text(said)
    except ProtocolError as error:
        raise CommandError(f"not sent, {error.text}") from None
    return _to(view.query, said, room) if view.query else Typed(text, _SAY, said, room)


def _addressed(typed: Typed, view: View) -> Typed:
    """Return a command with the person to whom it says something, if it does to one."""
    if typed.command.name == "me" and view.query and typed.argument:
        return _to(view.query, f"* {view.nick} {typed.argument}", typed.room)
    if typed.command.name == "reply" and view.writer and typed.argument:
        return _to(view.writer, typed.argument, typed.room)
    if typed.command.name != "msg":
        return typed
    nick, _, said = typed.argument.partition(" ")
    if not said.lstrip(" "):
        raise CommandError(f"something is missing: type {typed.command.usage}")
    moved = view.moved(nick)
    doubt = f"the {nick} that you know is {moved.nick} now" if moved else ""
    return Typed(
        typed.text, typed.command, said.lstrip(" "), typed.room, to=view.meant(nick), doubt=doubt
    )


def _to(person: Person, said: str, room: str | None) -> Typed:
    """Return what is said to a person, who was named earlier."""
    doubt = person.doubt
    if not doubt and not person.watched:
        doubt = f"{person.nick} is in no room of yours, so the nick may be somebody else's by now"
    text = f"/msg {person.nick} {said}"
    return Typed(text, _names["msg"], said, room, to=person, doubt=doubt)


def secret_at(text: str) -> int | None:
    """Return where in a line its password begins, None if what is typed there is none.

    An account, `@` and a name, may stand before it.
    """
    words = text.split(None, 2)
    if not words or not words[0].startswith("/"):
        return None
    command = _names.get(words[0][1:].lower())
    if command is None or not command.secrets:
        return None
    start = text.index(words[0]) + len(words[0])
    if len(words) > 1 and words[1].startswith("@") and "@ACCOUNT" in command.usage:
        start = text.index(words[1], start) + len(words[1])
    return start


def command(
    usage: str,
    help: str,
    group: Group,
    *aliases: str,
    asks: bool = False,
    private: bool = False,
    secrets: tuple[str, ...] = (),
    twice: bool = False,
) -> Callable[[Run], Run]:
    """Register the function below as the command that `usage` begins with; see `Command`."""

    def register(run: Run) -> Run:
        made = Command(usage, help, group, aliases, asks, private, secrets, twice, run)
        _names.update(dict.fromkeys(made.names, made))
        return run

    return register


def _say(talk: Talk, typed: Typed) -> None:
    typed.here(talk).say(typed.argument)


_SAY = Command(
    "TEXT", "say TEXT in the room; //TEXT says /TEXT", "talk", (), True, False, (), False, _say
)
