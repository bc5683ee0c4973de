"""Hands and polls: HAND, HANDS, NEXT, POLL and VOTE.

No IRC client knows them: one types `/quote VOTE #room 2`, or makes an alias.
"""

from collections.abc import Callable

from msgspec import UNSET

from chat_server.gateways.irc.client import IrcClient, Reply, Settled, Steps
from chat_server.gateways.irc.commands.channels import entered, refused_in_room
from chat_server.gateways.irc.wire.irc_lines import Line
from chat_server.gateways.irc.wire.names import channel_of
from chat_server.gateways.irc.wire.response import Response
from protocol.errors import Code
from protocol.messages import AnyRequest, EndPoll, Error, Hand, Hands, Next, Ok, Page, Poll, Vote
from protocol.turns import read_choice, read_poll


def hand(client: IrcClient, line: Line, response: Response) -> Steps:
    """Raise one's hand, with a question or without one, or take it down (`HAND #room :down`)."""
    room = _room(client, line, response)
    if room is None:
        return
    said = line.param(1)
    up = said != "down"
    question = said if up else ""

    def settle(reply: Ok) -> str:
        if not up:
            return "your hand is down"
        place = "" if reply.place is UNSET else f", number {reply.place} in the queue"
        return f"your hand is up{place}; HAND {channel_of(room)} :down takes it down"

    yield from _send(
        client,
        line,
        room,
        lambda number: Hand(id=number, room=room, up=up, question=question or None),
        response,
        settle,
    )


def hands(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return whose hands are up, and what they ask, to moderators."""
    room = _room(client, line, response)
    if room is None:
        return
    place, after = 0, None
    more = True
    while more:
        reply = yield from client.ask(_page_behind(room, after))
        if isinstance(reply, Error):
            response.add(refused_in_room(client, "HANDS", room, reply))
            return
        assert isinstance(reply, Page)
        assert reply.hands is not UNSET
        assert reply.queue is not UNSET
        lines = []
        for entry in reply.queue:
            place += not entry.floor
            start = f"{place}." if not entry.floor else "has the floor:"
            asks = f": {entry.question}" if entry.question else ""
            lines.append(f"{start} {client.network.names.shown(entry.nick)}{asks}")
        yield client.stream(response, [client.notice(each, channel_of(room)) for each in lines])
        more, after = reply.more and bool(reply.hands), reply.hands[-1] if reply.hands else None
    response.add(client.notice(f"in the queue: {place}", channel_of(room)))


def give_floor(client: IrcClient, line: Line, response: Response) -> Steps:
    """Give the floor to the first in the queue: a notice tells it."""
    room = _room(client, line, response)
    if room is None:
        return

    def settle(reply: Ok) -> str:
        return "no hand is up: nobody has the floor" if reply.nick is UNSET else ""

    yield from _send(
        client, line, room, lambda number: Next(id=number, room=room), response, settle
    )


def poll(client: IrcClient, line: Line, response: Response) -> Steps:
    """Ask a room (`POLL #room :Is it? yes | no`), or end its poll (`POLL #room :end`)."""
    room = _room(client, line, response)
    if room is None:
        return
    if line.param(1) == "end":
        yield from _send(
            client, line, room, lambda number: EndPoll(id=number, room=room), response, _nothing
        )
        return
    named, wanted = read_poll(line.param(1))
    if wanted is None:
        text = "A poll has a question and two options: POLL #room :Is it? yes | no"
        response.add(client.numeric("461", "POLL", text=text))
        return
    question, options = wanted
    yield from _send(
        client,
        line,
        room,
        lambda number: Poll(
            id=number, room=room, question=question, options=tuple(options), named=named
        ),
        response,
        _nothing,
    )


def vote(client: IrcClient, line: Line, response: Response) -> Steps:
    """Vote in a room's poll."""
    room = _room(client, line, response)
    if room is None:
        return
    choice = read_choice(line.param(1))
    if choice is None:
        text = "The number of an option is missing: VOTE #room 2"
        response.add(client.numeric("461", "VOTE", text=text))
        return
    yield from _send(
        client,
        line,
        room,
        lambda number: Vote(id=number, room=room, choice=choice),
        response,
        lambda _: "you have voted",
    )


def _room(client: IrcClient, line: Line, response: Response) -> str | None:
    """Return the room that a line names, if the client is in it; else say why not."""
    channel = line.param(0)
    if not channel:
        response.add(client.numeric("461", line.command, text="A channel is missing"))
        return None
    return entered(client, channel, response)


def _send(
    client: IrcClient,
    line: Line,
    room: str,
    make: Callable[[int], AnyRequest],
    response: Response,
    told: Callable[[Ok], str],
) -> Steps:
    """Ask something; say what came of it, in a notice about the room."""

    def settle(reply: Reply) -> Settled:
        if isinstance(reply, Error):
            return [_refused(client, line.command, room, reply)]
        text = told(reply) if isinstance(reply, Ok) else ""
        return [client.notice(text, channel_of(room))] if text else []

    yield from client.send(make, response, settle)


def _refused(client: IrcClient, command: str, room: str, error: Error) -> str:
    if error.code in (Code.FORBIDDEN, Code.MUTED):
        return refused_in_room(client, command, room, error)
    return client.refused(command, error)


def _page_behind(room: str, after: str | None) -> Callable[[int], AnyRequest]:
    return lambda number: Hands(id=number, room=room, after=after)


def _nothing(_: Ok) -> str:
    """A message of the room says it."""
    return ""
