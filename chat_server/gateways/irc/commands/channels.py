"""Rooms as channels: JOIN, PART, NAMES, TOPIC, LIST."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from msgspec import UNSET

from chat_server.gateways.gateway import looked_up
from chat_server.gateways.irc.client import IrcClient, Reply, Settled, Steps
from chat_server.gateways.irc.events import FROZEN, LARGE_ROOM
from chat_server.gateways.irc.live import IrcPerson
from chat_server.gateways.irc.network import TopicSetter, replayed
from chat_server.gateways.irc.wire import capabilities
from chat_server.gateways.irc.wire.irc_lines import Line, build, space_for_text
from chat_server.gateways.irc.wire.names import SERVER, channel_of, room_of
from chat_server.gateways.irc.wire.response import Response
from protocol.errors import Code
from protocol.messages import Error, Join, Leave, Message, Ok, Page, Rooms, Topic, Who

REPLAYED = 50
"""How many of the latest messages are shown to who joins."""

_JOIN_REFUSED = {
    Code.TOO_MANY_ROOMS: "405",
    Code.FORBIDDEN: "473",
    Code.BAD_ROOM: "403",
}


def rank(person: IrcPerson) -> str:
    """Return what stands before a nick: that they moderate, or may speak in a frozen room."""
    return "@" if person.moderates else "+" if person.voiced else ""


def no_such_channel(client: IrcClient, channel: str) -> str:
    """Return that there is no channel of that name."""
    return client.numeric("403", channel or "*", text="There is no such channel")


def not_in(client: IrcClient, room: str) -> str:
    """Return why the client cannot do something in a room in which it is not."""
    if not client.network.live.has_room(room, client.nick):
        return no_such_channel(client, channel_of(room))
    return client.numeric("442", channel_of(room), text="You are not in that channel")


def entered(client: IrcClient, channel: str, response: Response) -> str | None:
    """Return the room of a channel that the client is in; else say why not."""
    room = room_of(channel)
    if room is None:
        response.add(no_such_channel(client, channel.lstrip(":")))
    elif room not in client.rooms:
        response.add(not_in(client, room))
    else:
        return room
    return None


# -- JOIN -----------------------------------------------------------------------------------------


def join(client: IrcClient, line: Line, response: Response) -> Steps:
    """Enter rooms."""
    if not line.params:
        response.add(client.numeric("461", "JOIN", text="A channel is missing"))
        return
    if line.params[0] == "0":
        for each in tuple(client.rooms):
            yield from _leave(client, each, "", response)
        return
    for channel in line.params[0].split(","):
        room = room_of(channel)
        if room is None:
            text = "A channel is # and 1 to 50 of a-z, 0-9, '-', '_' and '.'"
            response.add(client.numeric("403", channel.lstrip(":") or "*", text=text))
        elif room not in client.rooms:
            yield from _enter(client, room, response)


def _enter(client: IrcClient, room: str, response: Response) -> Steps:
    """Enter a room. All that belongs to it is sent in one step, ahead of what is said from then on:
    so what there is to be replayed is read before, and the room is joined right behind it.
    """
    said, after, people, setter = yield from looked_up(partial(_look_into, client, room))

    def settle(reply: Reply) -> Settled:
        if not isinstance(reply, Ok):
            assert isinstance(reply, Error)
            return [_not_entered(client, room, reply)]
        return _entered(client, room, reply, people, setter, said)

    client.hush()
    yield from client.send(
        lambda number: Join(id=number, room=room, after=after),
        response,
        settle,
        at_once=True,
    )
    with client.lock:
        if len(client.rooms.get(room, ())) <= LARGE_ROOM:
            client.stale[room] = people  # others may have come and gone meanwhile


class _Inside(NamedTuple):
    """What there is in a room that somebody is about to enter.

    Attributes:
        said: the latest messages, if they are shown.
        after: the last of them; None if none are shown.
        people: who is in.
        setter: who set the topic.
    """

    said: Sequence[Message]
    after: int | None
    people: Sequence[IrcPerson]
    setter: TopicSetter | None


def _look_into(client: IrcClient, room: str) -> _Inside:
    live = client.network.live
    said: list[Message] = []
    after = None
    if _wants_replay(client):
        after = live.last(room)  # in a room of which nothing is kept
        said = live.recent(room, REPLAYED)
    if said:
        after = said[-1].seq
    return _Inside(said, after, live.members(room), client.network.topic_setter(room))


def _wants_replay(client: IrcClient) -> bool:
    """Whether what was said is shown: to who can show when, and does not ask for it by itself."""
    able = client.may(capabilities.BATCH) or client.may(capabilities.TIME)
    return able and not client.may(capabilities.HISTORY)


def _entered(
    client: IrcClient,
    room: str,
    reply: Ok,
    people: Sequence[IrcPerson],
    setter: TopicSetter | None,
    said: Sequence[Message],
) -> list[str]:
    """What comes with a room that was entered. With the client's lock held."""
    there = {person.nick for person in people} | {client.nick}
    client.rooms[room] = there
    client.holds[room] = frozenset((FROZEN,)) if reply.frozen is True else frozenset()
    channel, last = channel_of(room), reply.seq if reply.seq is not UNSET else 0
    if all(person.nick != client.nick for person in people):
        me = IrcPerson(client.nick, None, client.moderates)
        people = sorted([*people, me], key=lambda person: person.nick)
    lines = [build(client.source, "JOIN", channel)]
    if reply.topic:
        lines += _topic_lines(client, room, str(reply.topic), setter)
    lines += names_lines(client, room, people)
    known = replayed(message for message in said if message.seq <= last)
    return lines + _replay(client, channel, known)


def _replay(client: IrcClient, channel: str, said: Sequence[Message]) -> list[str]:
    codec = client.network.history_codec(client.has)
    lines = [line for message in said for line in codec.lines(message)]
    if lines and client.may(capabilities.BATCH):
        return client.batch("chathistory", channel, lines)
    return lines


def _not_entered(client: IrcClient, room: str, error: Error) -> str:
    numeric = _JOIN_REFUSED.get(Code(error.code))
    if numeric is None:
        return client.refused("JOIN", error)
    return client.numeric(numeric, channel_of(room), text=error.text)


# -- PART -----------------------------------------------------------------------------------------


def part(client: IrcClient, line: Line, response: Response) -> Steps:
    """Leave rooms."""
    if not line.params:
        response.add(client.numeric("461", "PART", text="A channel is missing"))
        return
    for channel in line.params[0].split(","):
        room = entered(client, channel, response)
        if room is not None:
            yield from _leave(client, room, line.param(1), response)


def _leave(client: IrcClient, room: str, why: str, response: Response) -> Steps:
    def settle(reply: Reply) -> Settled:
        if isinstance(reply, Error) and reply.code != Code.NOT_IN_ROOM:
            return [client.refused("PART", reply)]
        client.forget_room_locked(room)
        return [build(client.source, "PART", channel_of(room), text=why or None)]

    client.note_reason(room, why)
    yield from client.send(
        lambda number: Leave(id=number, room=room), response, settle, at_once=True
    )


# -- NAMES ----------------------------------------------------------------------------------------


def names(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return who is in rooms. Of one that the client is not in it learns nothing."""
    if not line.params:
        response.add(client.numeric("366", "*", text="End of the names: name a channel"))
        return
    for channel in line.params[0].split(","):
        room = room_of(channel)
        if room is None or room not in client.rooms:
            response.add(client.numeric("366", channel.lstrip(":") or "*", text="End of the names"))
            continue
        reply = yield from client.ask(partial(_who, room))
        if isinstance(reply, Error):
            response.add(client.refused("NAMES", reply))
            continue
        people = client.network.live.members(room)
        with client.lock:
            if room in client.rooms:
                client.rooms[room] = {person.nick for person in people}
            lines = names_lines(client, room, people)
        yield client.stream(response, lines)


def _who(room: str, number: int) -> Who:
    return Who(id=number, room=room)


def names_lines(client: IrcClient, room: str, people: Sequence[IrcPerson]) -> list[str]:
    """Return who is in a room, as many in a line as fit."""
    channel, shown = channel_of(room), client.network.names.shown
    space = space_for_text(SERVER, "353", client.shown, "=", channel)
    lines: list[str] = []
    words: list[str] = []
    for person in people:
        word = rank(person) + shown(person.nick)
        size = len(word.encode()) + 1
        if size > space and words:
            lines.append(client.numeric("353", "=", channel, text=" ".join(words)))
            words, space = [], space_for_text(SERVER, "353", client.shown, "=", channel)
        words.append(word)
        space -= size
    if words:
        lines.append(client.numeric("353", "=", channel, text=" ".join(words)))
    return [*lines, client.numeric("366", channel, text="End of the names")]


# -- TOPIC ----------------------------------------------------------------------------------------


def topic(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return a room's topic, or set it."""
    if not line.params:
        response.add(client.numeric("461", "TOPIC", text="A channel is missing"))
        return
    room = entered(client, line.params[0], response)
    if room is None:
        return
    if len(line.params) < 2:
        setter = yield from looked_up(partial(client.network.topic_setter, room))
        text = "There is no topic"
        none = [client.numeric("331", channel_of(room), text=text)]
        response.add(*(_topic_lines(client, room, setter.topic, setter) if setter else none))
    else:
        yield from _set_topic(client, room, line.params[1], response)


def _set_topic(client: IrcClient, room: str, text: str, response: Response) -> Steps:
    def settle(reply: Reply) -> Settled:
        if isinstance(reply, Error):
            return [refused_in_room(client, "TOPIC", room, reply)]
        assert isinstance(reply, Ok)
        seq = reply.seq if reply.seq is not UNSET else 0
        if response.labelled and client.expect_echo_locked(room, seq, response):
            return None
        return []

    response.is_one = True
    yield from client.send(lambda number: Topic(id=number, room=room, topic=text), response, settle)


def refused_in_room(client: IrcClient, command: str, room: str, error: Error) -> str:
    """Return why something was not done in a room."""
    numeric = {
        Code.FORBIDDEN: "482",
        Code.MUTED: "482",
        Code.NOT_IN_ROOM: "442",
        Code.NO_SUCH_ROOM: "403",
    }.get(Code(error.code))
    if numeric is None:
        return client.refused(command, error)
    return client.numeric(numeric, channel_of(room), text=error.text)


def _topic_lines(client: IrcClient, room: str, text: str, setter: TopicSetter | None) -> list[str]:
    channel = channel_of(room)
    lines = [client.numeric("332", channel, text=text)]
    if setter is not None:
        who = client.source_of(setter.nick) if setter.nick else SERVER
        lines.append(client.numeric("333", channel, who, str(int(setter.time))))
    return lines


# -- LIST -----------------------------------------------------------------------------------------


def list_rooms(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return the rooms: all, or some."""
    wanted = {room_of(channel) for channel in line.param(0).split(",")} if line.params else None
    yield client.stream(response, [client.numeric("321", "Channel", text="Users  Name")])
    after: str | None = None
    more = True
    while more:
        reply = yield from client.ask(partial(_rooms_after, after))
        if not isinstance(reply, Page) or reply.rooms is UNSET:
            assert isinstance(reply, Error)
            response.add(client.refused("LIST", reply))
            break
        found = [each for each in reply.rooms if wanted is None or each.room in wanted]
        yield client.stream(
            response,
            [
                client.numeric("322", channel_of(each.room), str(each.members), text=each.topic)
                for each in found
            ],
        )
        more = reply.more and bool(reply.rooms)
        after = reply.rooms[-1].room if reply.rooms else None
    response.add(client.numeric("323", text="End of the channels"))


def _rooms_after(after: str | None, number: int) -> Rooms:
    return Rooms(id=number, after=after)
