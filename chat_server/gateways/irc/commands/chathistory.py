"""CHATHISTORY: what was said, from the log (IRCv3 draft/chathistory)."""

import re
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from msgspec import UNSET

from chat_server.gateways.gateway import Received, looked_up
from chat_server.gateways.irc.client import IrcClient, Steps
from chat_server.gateways.irc.live import LiveServer
from chat_server.gateways.irc.network import replayed
from chat_server.gateways.irc.welcome import HISTORY_LIMIT
from chat_server.gateways.irc.wire import capabilities
from chat_server.gateways.irc.wire.irc_codec import milliseconds
from chat_server.gateways.irc.wire.irc_lines import Line
from chat_server.gateways.irc.wire.names import channel_of, room_of
from chat_server.gateways.irc.wire.response import Response
from protocol.errors import ProtocolError
from protocol.messages import LARGEST_ID, Error, History, Message, Page

_COMMAND = "CHATHISTORY"
_SELECTORS = {"LATEST": 1, "BEFORE": 1, "AFTER": 1, "AROUND": 1, "BETWEEN": 2}
"""How many points in the log each subcommand names."""

_TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,6})\d*)?Z", re.ASCII)
_MSGID = re.compile(r"([a-z0-9._-]{1,50})/(\d{1,16})", re.ASCII)


class HistoryFault(Exception):
    """What is wrong with a CHATHISTORY."""

    def __init__(self, code: str, text: str, *context: str) -> None:
        super().__init__(text)
        self.code, self.text, self.context = code, text, context


class Point(NamedTuple):
    """A place in a log: behind `before`, ahead of `after`. They differ by 2 at a message, by 1
    between two.
    """

    before: int
    after: int


START = Point(0, 1)
_LAST = LARGEST_ID - 1


class Span(NamedTuple):
    """Messages from seq `first` to `last`; of too many the newest, or the oldest."""

    first: int
    last: int
    limit: int
    newest: bool


def chathistory(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return a part of a room's log, as a batch where the client has batches."""
    try:
        yield from _answer(client, line, response)
    except HistoryFault as fault:
        response.add(client.refusal(_COMMAND, fault.code, fault.text, *fault.context))
    except ProtocolError as error:
        what = line.param(0).upper() or "*"
        response.add(client.refusal(_COMMAND, "MESSAGE_ERROR", error.text, what))


def _answer(client: IrcClient, line: Line, response: Response) -> Steps:
    if not line.params:
        raise HistoryFault("NEED_MORE_PARAMS", "A subcommand is missing", "*")
    what, target = line.params[0].upper(), line.param(1)
    if what not in _SELECTORS:
        known = ", ".join(_SELECTORS)
        raise HistoryFault("INVALID_PARAMS", f"The subcommands are {known}", _word(what))
    if len(line.params) < 3 + _SELECTORS[what]:
        raise HistoryFault("NEED_MORE_PARAMS", "A target, a selector or a limit is missing", what)
    limit = _limit(what, line.params[2 + _SELECTORS[what]])
    room = _room(client, what, target)
    if room is None:  # what is said to one person is not kept
        response.add(*_shown(client, target, ()))
        return
    live = client.network.live
    first = yield from _selector(live, what, room, line.params[2])
    second = first
    if what == "BETWEEN":
        second = yield from _selector(live, what, room, line.params[3])
    found: list[Message] = []
    for span in _spans(what, first, second, limit):
        found += yield from _read(client, room, span)
    response.add(*_shown(client, channel_of(room), found))


def _limit(what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not int(text[:9]):
        raise HistoryFault("INVALID_PARAMS", f"A limit is 1 to {HISTORY_LIMIT}", what, _word(text))
    return min(int(text[:9]), HISTORY_LIMIT)


def _room(client: IrcClient, what: str, target: str) -> str | None:
    """The room that is meant, in which the client is; None for a person who is here."""
    room = room_of(target)
    if room is not None and room in client.rooms:
        return room
    live, names = client.network.live, client.network.names
    if not target.startswith("#") and live.person(names.nick(target)) is not None:
        return None
    raise HistoryFault("INVALID_TARGET", "You are in no such channel", what, _word(target))


def _selector(
    live: LiveServer, what: str, room: str, text: str
) -> Generator[Received, None, Point]:
    if text == "*" and what == "LATEST":
        return START
    kind, _, value = text.partition("=")
    if kind == "timestamp":
        moment = _read_time(what, value)
        return (yield from looked_up(partial(_at_time, live, room, moment)))
    if kind != "msgid":
        types = "A selector is msgid=ROOM/SEQ or timestamp=YYYY-MM-DDThh:mm:ss.sssZ"
        code = "INVALID_MSGREFTYPE" if value else "INVALID_PARAMS"
        raise HistoryFault(code, types, what, _word(text))
    found = _MSGID.fullmatch(value)
    if found is None or found[1] != room or not 1 <= int(found[2]) < LARGEST_ID:
        raise HistoryFault("INVALID_PARAMS", "That is no msgid of this channel", what, _word(text))
    seq = int(found[2])
    return Point(seq - 1, seq + 1)


def _read_time(what: str, text: str) -> int:
    """A time in milliseconds, as it is written on messages."""
    found = _TIMESTAMP.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        moment = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        example = "a timestamp is written as 2026-11-27T08:15:00.000Z"
        raise HistoryFault("INVALID_PARAMS", f"{example}, in UTC", what, _word(text)) from None
    return int(moment.timestamp()) * 1000 + int(f"{found[2] or '0':0<6}"[:3])


def _at_time(live: LiveServer, room: str, moment: int) -> Point:
    """The place of a moment in a log: messages of that very millisecond are on neither side."""
    return Point(
        _first_not(live, room, lambda message: milliseconds(message.time) < moment) - 1,
        _first_not(live, room, lambda message: milliseconds(message.time) <= moment),
    )


def _first_not(live: LiveServer, room: str, holds: Callable[[Message], bool]) -> int:
    """The seq from which on something holds no more that holds for the older messages.

    It is found by halving, as the times in a log grow.
    """
    newest = live.recent(room, 1)
    if not newest or holds(newest[-1]):
        return newest[-1].seq + 1 if newest else 1
    low, high = 0, newest[-1].seq
    while high - low > 1:
        middle = (low + high) // 2
        message = live.after(room, middle - 1)
        if message is not None and holds(message):
            low = message.seq
        else:
            high = middle
    return high


def _spans(what: str, first: Point, second: Point, limit: int) -> list[Span]:
    if what == "LATEST":
        return [Span(first.after, _LAST, limit, newest=True)]
    if what == "BEFORE":
        return [Span(1, first.before, limit, newest=True)]
    if what == "AFTER":
        return [Span(first.after, _LAST, limit, newest=False)]
    if what == "AROUND":
        before = limit // 2
        return [
            Span(1, first.before, before, newest=True),
            Span(first.before + 1, _LAST, limit - before, newest=False),
        ]
    if first.before < second.before:
        return [Span(first.after, second.before, limit, newest=False)]
    return [Span(second.after, first.before, limit, newest=True)]


def _read(client: IrcClient, room: str, span: Span) -> Generator[Received, None, list[Message]]:
    """Read page after page, as what is not shown does not count."""
    first, last = span.first, span.last
    found: list[Message] = []
    while len(found) < span.limit and first <= last:
        before = last + 1 if span.newest else None
        after = None if span.newest else first - 1
        reply = yield from client.ask(partial(_history, room, before, after, span.limit))
        if not isinstance(reply, Page) or reply.messages is UNSET:
            assert isinstance(reply, Error)
            raise HistoryFault(reply.code.upper(), reply.text)
        page = reply.messages
        shown = [each for each in replayed(page) if first <= each.seq <= last]
        found = [*shown, *found] if span.newest else [*found, *shown]
        if not page or not reply.more:
            break
        if span.newest:
            last = page[0].seq - 1
        else:
            first = page[-1].seq + 1
    if not span.limit:
        return []
    return found[-span.limit :] if span.newest else found[: span.limit]


def _history(room: str, before: int | None, after: int | None, limit: int, number: int) -> History:
    return History(id=number, room=room, before=before, after=after, limit=limit)


def _shown(client: IrcClient, target: str, messages: Sequence[Message]) -> list[str]:
    codec = client.network.history_codec(client.has)
    lines = [line for message in messages for line in codec.lines(message)]
    if client.may(capabilities.BATCH):
        return client.batch("chathistory", target, lines)
    return lines


def _word(text: str) -> str:
    """What a client sent, as a parameter that is not the last one."""
    return text.replace(" ", "_").lstrip(":") or "*"
