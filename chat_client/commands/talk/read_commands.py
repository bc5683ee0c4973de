"""Commands for reading back what was said in a room."""

import time
from collections.abc import Iterable, Iterator
from itertools import dropwhile

from chat_client.api.room import Room
from chat_client.commands.command import Command, Pages, Talk, Typed
from chat_client.display.text import one_line
from chat_client.errors import CommandError
from protocol.messages import Message

_SHOWN = 20
"""Messages that /history shows without a number."""

_READ_BACK = 10_000
"""Messages that /history shows at most."""

_PAGE = 1000
"""Messages that /history reads at once to find those since a time of day."""

_FOUND = 100
"""Messages that /search shows at most."""


def _history(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    moment = talk.lines.last(typed.argument)
    messages = room.history(_count(typed)) if moment is None else _said_since(room, moment)
    since = "" if moment is None else f" since {typed.argument}"
    title = talk.lines.system(f"the last {len(messages)} in #{room.name}{since}:")
    shown = [title]
    first = 0
    for message, lines in _old(talk, messages, room):
        if typed.read is not None and not first and message.seq > typed.read:
            first = len(shown)
            shown.append(talk.lines.read_marker())
        shown += lines
    talk.post(Pages(shown, from_end=moment is None and not first, first=first))


def _said_since(room: Room, moment: float) -> list[Message]:
    """Return what was said in a room since a moment, or the last of it if that is too much."""
    found: list[Message] = []
    while len(found) < _READ_BACK:
        before = found[0].seq if found else None
        page = room.history(_PAGE, before=before)
        since = list(dropwhile(lambda message: message.time < moment, page))
        found = since + found
        if len(since) < _PAGE:
            break
    return found


def _search(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    messages = room.search(typed.needed(), _FOUND)
    found = f"the newest {len(messages)} with" if messages else "nothing with"
    title = talk.lines.system(f"{found} {typed.argument!r} in #{room.name}")
    shown = [line for _, lines in _old(talk, messages, room) for line in lines]
    talk.post(Pages([title, *shown], from_end=True))


def _old(
    talk: Talk, messages: Iterable[Message], room: Room
) -> Iterator[tuple[Message, list[str]]]:
    """Yield messages with their lines, before which stands the day where that changes."""
    day = talk.lines.day_of(time.time())
    known = {message.seq: message for message in messages}
    for message in known.values():
        answered = known.get(message.reply_to)
        lines = [
            talk.lines.message(message, talk.chat.nick, room.name, answered=answered, number=True)
        ]
        if (its_day := talk.lines.day_of(message.time)) != day:
            day = its_day
            lines.insert(0, talk.lines.day(message.time))
        yield message, lines


def _count(typed: Typed) -> int:
    argument = typed.argument
    if not argument:
        return _SHOWN
    if argument.isascii() and argument.isdigit() and 1 <= int(argument[:9]) <= _READ_BACK:
        return int(argument[:9])
    raise CommandError(
        f"{one_line(argument)!r} is no number from 1 to {_READ_BACK}, nor a time of day: type "
        f"{typed.command.usage}"
    )


COMMANDS = (
    Command(
        "history",
        "[N|HH:MM]",
        f"show the last N messages ({_SHOWN} without N), or what was said since HH:MM; PgUp shows "
        "200, or what you missed",
        "read",
        _history,
        asks=True,
    ),
    Command(
        "search",
        "WORDS",
        "show the newest messages that hold all of these words",
        "read",
        _search,
        ("lastlog",),
        asks=True,
    ),
)
