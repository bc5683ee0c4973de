"""What a command is, and what it works on.

The commands that ask the server are run by a thread that may wait; they touch nothing of the view
but through `Talk.post`. The others are run by the thread that owns the view.

A password is in `Typed.secrets` and nowhere else: not in the text that is kept, shown while it
waits, and brought back when it was refused.
"""

import difflib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from chat_client.api.chat import Chat
from chat_client.api.room import Room
from chat_client.display.state.model import View
from chat_client.display.state.people import Person
from chat_client.display.terminal_lines import Lines
from chat_client.errors import CommandError, Refused
from chat_client.events import Event
from protocol.errors import Code, ProtocolError
from protocol.text import normalize_room

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
        commands: what can be typed.
        post: hands something to the screen. From any thread.
        quit: ends the program, soon.
    """

    chat: Chat
    view: View
    lines: Lines
    commands: "Table"
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
        seq: which message it is about, where it names one.
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
    seq: int | None = None

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


Action = Callable[[Talk, Typed], None]


@dataclass(frozen=True)
class Command:
    """One thing that can be typed.

    Attributes:
        name: what it is called, without the slash.
        arguments: what is typed behind the name; empty if nothing is. A word in capitals stands
            for something, one in small letters for itself; brackets mean that it may be left out.
        help: what it does.
        group: where /help lists it.
        run: does it.
        aliases: its other names.
        asks: whether it asks the server, and so may wait.
        private: whether the input history's file leaves it out.
        secrets: what the passwords are called that it takes: "password". What is typed behind its
            name is the password if it takes one. If it takes several, typing one there is refused,
            because nobody could tell where one ends.
        twice: whether the last password is asked for twice, to find a slip of the finger.
        leaves: whether it gives up a room, an account or the chat. It is never suggested to a
            user who mistyped another command.
        verbatim: whether what is typed behind its name keeps its blanks and line feeds.
    """

    name: str
    arguments: str
    help: str
    group: Group
    run: Action
    aliases: tuple[str, ...] = ()
    asks: bool = False
    private: bool = False
    secrets: tuple[str, ...] = ()
    twice: bool = False
    leaves: bool = False
    verbatim: bool = False

    @property
    def usage(self) -> str:
        """How it is typed, such as "/msg NICK TEXT"."""
        return f"/{self.name} {self.arguments}".rstrip()

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is called."""
        return (self.name, *self.aliases)


class Table:
    """All commands, in the order in which /help lists them."""

    def __init__(self, commands: Iterable[Command]) -> None:
        """Make the table. The groups have an order; within a group that of `commands` is kept."""
        groups = get_args(Group)
        self._commands = sorted(commands, key=lambda each: groups.index(each.group))
        self._by_name = {name: each for each in self._commands for name in each.names}

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands)

    def get(self, name: str) -> Command | None:
        """Return the command with that name or alias, in whatever case; None if there is none."""
        return self._by_name.get(name.lower())

    def find(self, name: str) -> Command:
        """Return the command with that name or alias, in whatever case.

        Raises:
            CommandError: there is none; the text names the nearest.
        """
        found = self.get(name)
        if found:
            return found
        suggested = [each for each, command in self._by_name.items() if not command.leaves]
        near = difflib.get_close_matches(name.lower(), suggested, n=1)
        hint = f"did you mean /{near[0]}?" if near else "/help shows all."
        raise CommandError(f"there is no command /{name}; {hint} To say it, type //{name}")

    def exported(self) -> list[dict[str, Any]]:
        """Return the table as JSON can hold it, for clients that are not written in Python.

        Each command is an object with `name`, `aliases`, `arguments`, `help`, `group`, `private`,
        `secrets` and `leaves`.
        """
        return [
            {
                "name": each.name,
                "aliases": list(each.aliases),
                "arguments": each.arguments,
                "help": each.help,
                "group": each.group,
                "private": each.private,
                "secrets": list(each.secrets),
                "leaves": each.leaves,
            }
            for each in self._commands
        ]


def checked_room(name: str) -> str:
    """Return the name of a room that was typed, with or without its `#`, as the server writes it.

    Raises:
        CommandError: no room has such a name.
    """
    try:
        return normalize_room(name.removeprefix("#"))
    except ProtocolError as error:
        raise CommandError(error.text) from None
