"""How events are written for one IRC client. All of it happens with the client's lock held."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, UnsetType

from chat_server.gateways.irc.client import IrcClient
from chat_server.gateways.irc.live import IrcPerson
from chat_server.gateways.irc.network import KickDetails, Relay
from chat_server.gateways.irc.welcome import welcome
from chat_server.gateways.irc.wire import capabilities
from chat_server.gateways.irc.wire.extras import Extra
from chat_server.gateways.irc.wire.irc_codec import said
from chat_server.gateways.irc.wire.irc_lines import build, encoded
from chat_server.gateways.irc.wire.names import SERVER, channel_of
from chat_server.identity.roles import Role
from protocol.errors import FATAL, Code
from protocol.messages import (
    Direct,
    Error,
    Expelled,
    FreezeChange,
    Goodbye,
    HandChange,
    Invited,
    Message,
    Ok,
    Oldest,
    Page,
    PinsChange,
    PlaceChange,
    Presence,
    RoleChange,
    RulesChange,
    ServerMessage,
    ServerPing,
    ServerPong,
    Welcome,
)

FROZEN = "frozen"
"""One of the things that may hold in a room: see `IrcClient.holds`."""

_MODERATED = frozenset((FROZEN, "read-only"))
"""Those because of which only some may speak."""

LARGE_ROOM = 100
"""In a room of more than so many, nobody is told of single people who come and go."""

AT_ONCE = 20
"""Nor anywhere of more than so many who come, or go, at once."""


def written(client: IrcClient, event: ServerMessage) -> bytes:
    """Return what a client is sent for an event or a reply."""
    data = _written(client, event)
    return data + client.end_unheard_locked() if client.unheard else data


def _written(client: IrcClient, event: ServerMessage) -> bytes:
    assert client.lock.locked()
    if isinstance(event, Error) and event.re is None:
        return encoded(_fault(client, event))
    if isinstance(event, Ok | Page | Error | ServerPong):
        return client.take_reply_locked(event)
    if isinstance(event, Message):
        return _own(client, event)
    write = _WRITERS.get(type(event))
    return encoded(write(client, event)) if write else b""


def _own(client: IrcClient, message: Message) -> bytes:
    """An own message. What was said comes back to who wants it, what was done to everybody."""
    comes_back = client.may(capabilities.ECHO) or message.kind not in ("text", "action", "code")
    lines = client.network.codec(client.has).lines(message) if comes_back else []
    return client.take_own_locked(message.room, message.seq, lines)


def direct_lines(
    client: IrcClient, sender: str, target: str, text: str, time: float, extra: Extra
) -> list[str]:
    """Return a message to one person, as it was sent or as it came."""
    who = client.source_of(sender)
    lines = said(who, extra.command, client.network.names.shown(target), text)
    return client.network.codec(client.has).with_tags(lines, time, extra.msgid, extra)


def relayed(client: IrcClient, relay: Relay) -> list[str]:
    """Return a line that another IRC client sent."""
    if relay.needs and not client.may(relay.needs):
        return []
    codec = client.network.codec(client.has)
    return codec.with_tags([relay.line], relay.time, relay.msgid, Extra(tags=relay.tags))


def _from_another(client: IrcClient, relay: Relay) -> list[str]:
    return [] if relay.nick == client.nick else relayed(client, relay)


def renaming(client: IrcClient, old: str, new: str) -> str:
    """Return the line that says that somebody is called otherwise now, in all rooms."""
    client.rename_locked(old, new)
    return build(client.source_of(old), "NICK", client.network.names.shown(new))


def renamed_since(
    client: IrcClient, listed: Iterable[IrcPerson], members: Sequence[IrcPerson]
) -> list[str]:
    """Return the lines for those who have another nick than when a list named them.

    Args:
        client: who was given the list.
        listed: those in a room, as it named them.
        members: those in the room now.
    """
    were = {person.who: person.nick for person in listed}
    now = {person.nick for person in members}
    lines = []
    for person in members:
        old = were.get(person.who) if person.who is not None else None
        if old is None or old in now or old == client.nick or not client.knows_locked(old):
            continue
        if not client.knows_locked(person.nick):
            lines.append(renaming(client, old, person.nick))
    return lines


def move(client: IrcClient, room: str, joined: Sequence[str], left: Sequence[str]) -> list[str]:
    """Return the lines for who came into a room and went, none of whom is the client itself."""
    there = client.rooms[room]
    joined = [nick for nick in joined if nick not in there and nick != client.nick]
    left = [nick for nick in left if nick in there and nick != client.nick]
    lines = []
    if len(left) <= AT_ONCE:
        for nick in left:
            lines += _leaving(client, room, nick)
    if len(joined) <= AT_ONCE:
        for nick in joined:
            there.add(nick)
            client.network.forget_reasons(nick, room)
            lines.append(build(client.source_of(nick), "JOIN", channel_of(room)))
            lines += _away(client, room, nick)
    return lines


def _away(client: IrcClient, room: str, nick: str) -> list[str]:
    """That who comes into a room is away (IRCv3 away-notify); not why, where not all may speak."""
    about = client.network.about(nick) if client.may(capabilities.AWAY) else None
    if about is None or not about.away:
        return []
    is_open = _MODERATED.isdisjoint(client.holds.get(room, ()))
    return [build(client.source_of(nick), "AWAY", text=about.away if is_open else "away")]


def _leaving(client: IrcClient, room: str, nick: str) -> list[str]:
    """How somebody left a room: thrown out, gone altogether, or just gone from there."""
    who = client.source_of(nick)
    kick = client.network.kick_of(nick)
    if client.network.live.is_here(nick) or client.network.has_parted(nick, room):
        client.rooms[room].discard(nick)
        why = client.network.reason_of(nick, room)
        return [build(who, "PART", channel_of(room), text=why or None)]
    if kick is not None:
        client.rooms[room].discard(nick)
        return [_kick_line(client, room, nick, kick)]
    for there in client.rooms.values():
        there.discard(nick)
    return [build(who, "QUIT", text=client.network.reason_of(nick, "") or "gone")]


def _kick_line(client: IrcClient, room: str, nick: str, kick: KickDetails) -> str:
    shown = client.network.names.shown(nick)
    by = client.source_of(kick.by) if kick.by else SERVER
    why = kick.why or kick.by or "thrown out"
    return build(by, "KICK", channel_of(room), shown, text=why)


def _presence(client: IrcClient, event: Presence) -> list[str]:
    there = client.rooms.get(event.room)
    if there is None:  # told of before the client was in, or after it has left
        return []
    lines, renamed, own = [], [], client.former.get(event.room, set())
    if client.nick in event.joined:
        own.clear()  # its coming is told under the new nick alone
    for old, new in event.renamed:
        if old in own:  # the client was told at once
            own.discard(old)
            continue
        if client.knows_locked(old) and old != client.nick:
            lines.append(renaming(client, old, new))
        renamed.append(new)  # where nobody was told that they are there, they come
    joined = [*(nick for nick in event.joined if nick not in own), *renamed]
    if event.members > LARGE_ROOM:
        return lines
    lines += move(client, event.room, joined, event.left)
    roles = {} if isinstance(event.roles, UnsetType) else event.roles
    lines += [
        mode_of(client, event.room, nick, moderates=role != Role.MEMBER.word)
        for nick, role in roles.items()
        if nick in there and nick != client.nick  # who is told of it at once
    ]
    if event.members != len(there):
        client.stale.setdefault(event.room, ())
    return lines


def _direct(client: IrcClient, event: Direct) -> list[str]:
    extra = client.network.extras.of_direct((event.to, event.from_, event.text))
    if extra is None:
        extra = Extra(msgid=client.network.new_msgid())
    extra.time = event.time
    text = event.text
    if event.late is not UNSET and not client.may(capabilities.TIME):
        text = f"{_sent_at(event.time)} {text}"
    return direct_lines(client, event.from_, event.to, text, event.time, extra)


def _sent_at(time: float) -> str:
    """When a message was sent that comes late, for who has no tag that says so."""
    return datetime.fromtimestamp(time, UTC).strftime("[sent %Y-%m-%d %H:%M UTC]")


def _frozen(client: IrcClient, event: FreezeChange) -> list[str]:
    if event.room not in client.rooms:
        return []
    holds = client.holds.get(event.room, frozenset()) - {FROZEN}
    return _now_hold(client, event.room, holds | {FROZEN} if event.frozen else holds)


def _rules(client: IrcClient, event: RulesChange) -> list[str]:
    if event.room not in client.rooms:
        return []
    before = client.holds.get(event.room, frozenset())
    holds = {
        *(before & {FROZEN}),
        *(["closed"] if event.invite_only or event.locked else []),
        *(["read-only"] if event.read_only else []),
        *(["open topic"] if event.topic == "everybody" else []),
        *(["muted"] if event.why == "muted" else []),
    }
    lines = _now_hold(client, event.room, frozenset(holds))
    if ("muted" in before) != ("muted" in holds):
        text = event.text if "muted" in holds else "you may talk again"
        lines.append(client.notice(text, channel_of(event.room)))
    return lines


def _now_hold(client: IrcClient, room: str, holds: frozenset[str]) -> list[str]:
    """Note what holds in a room, and return the modes of it that are others now."""
    before, client.holds[room] = _letters(client.holds.get(room, frozenset())), holds
    now = _letters(holds)
    changes = [f"-{letter}" for letter in before if letter not in now]
    changes += [f"+{letter}" for letter in now if letter not in before]
    return [build(SERVER, "MODE", channel_of(room), change) for change in changes]


def _letters(holds: frozenset[str]) -> str:
    """The modes that stand for what holds in a room."""
    moderated = not holds.isdisjoint(_MODERATED)
    return "i" * ("closed" in holds) + "m" * moderated + "t" * ("open topic" not in holds)


def _invited(client: IrcClient, event: Invited) -> list[str]:
    return [build(client.source_of(event.by), "INVITE", client.shown, channel_of(event.room))]


def _expelled(client: IrcClient, event: Expelled) -> list[str]:
    if event.room not in client.rooms:
        return []
    client.forget_room_locked(event.room)
    return [build(SERVER, "KICK", channel_of(event.room), client.shown, text=event.text)]


def mode_of(client: IrcClient, room: str, nick: str, *, moderates: bool) -> str:
    """Return the line that says whether somebody in a room is in charge."""
    change = "+o" if moderates else "-o"
    return build(SERVER, "MODE", channel_of(room), change, client.network.names.shown(nick))


def _oldest(client: IrcClient, event: Oldest) -> list[str]:
    client.miss_locked(event.room, event.oldest)
    channel = channel_of(event.room)
    return [client.notice(f"{channel}: messages that you had yet to get are not kept any more")]


def _role(client: IrcClient, event: RoleChange) -> list[str]:
    client.moderates = event.role != Role.MEMBER.word
    change = "+o" if client.moderates else "-o"
    return [
        *(build(SERVER, "MODE", channel_of(room), change, client.shown) for room in client.rooms),
        client.notice(f"{client.network.names.shown(event.by)} made you {_article(event.role)}"),
    ]


def _article(role: str) -> str:
    return f"an {role}" if role.startswith("o") else f"a {role}"


def _hand(client: IrcClient, event: HandChange) -> list[str]:
    what = "raised" if event.up else "took down"
    shown = client.network.names.shown(event.nick)
    asks = f" and asks: {event.question}" if event.question else ""
    text = f"{shown} {what} their hand{asks}; hands up: {event.hands}"
    return [client.notice(text, channel_of(event.room))]


def _place(client: IrcClient, event: PlaceChange) -> list[str]:
    text = f"your hand is number {event.place} in the queue" if event.place else "your hand is down"
    return [client.notice(text, channel_of(event.room))]


def _pins(client: IrcClient, event: PinsChange) -> list[str]:
    channel = channel_of(event.room)
    lines = []
    for pin in event.pins:
        start, shown = pin.text.partition("\n")[0], client.network.names.shown(pin.from_)
        lines += said(SERVER, "NOTICE", channel, f"pinned, message {pin.seq} of {shown}: {start}")
    return lines or [client.notice("nothing is pinned any more", channel)]


def _ping(_: IrcClient, event: ServerPing) -> list[str]:
    return [build("", "PING", text=f"{SERVER}-{event.id}")]


def _goodbye(client: IrcClient, event: Goodbye) -> list[str]:
    lines = []
    if event.code == Code.KICKED:
        kick = client.network.kick_of(client.nick)
        if kick is None or not kick.by:
            kick = KickDetails("", event.text, client.network.live.now())
        lines = [_kick_line(client, room, client.nick, kick) for room in client.rooms]
    lines.append(build("", "ERROR", text=f"Closing link: {client.shown} ({event.text})"))
    if client.nick:
        client.network.leave(client.nick, client.profile)
    return lines


def _fault(client: IrcClient, error: Error) -> list[str]:
    """A refusal of no request that has a number: of the registration, or of a line."""
    if client.hides_refusal and error.code == Code.NICK_IN_USE:
        return []
    numeric = _FAULTS.get(error.code)
    if numeric is not None:
        named = client.wanted and error.code in (Code.NICK_IN_USE, Code.BAD_NICK)
        nick = [client.network.names.shown(client.wanted)] if named else []
        return [client.numeric(numeric, *nick, text=error.text)]
    if error.code in FATAL:  # the ERROR that follows says it
        return []
    return [client.refused("*", error)]


_FAULTS: dict[str, str] = {
    Code.NICK_IN_USE: "433",
    Code.BAD_NICK: "432",
    Code.BAD_PASSWORD: "464",
    Code.BANNED: "465",
}


_WRITERS: dict[type, Callable[[IrcClient, Any], list[str]]] = {
    Welcome: welcome,
    Presence: _presence,
    Direct: _direct,
    FreezeChange: _frozen,
    RulesChange: _rules,
    Invited: _invited,
    Expelled: _expelled,
    Oldest: _oldest,
    RoleChange: _role,
    HandChange: _hand,
    PinsChange: _pins,
    PlaceChange: _place,
    ServerPing: _ping,
    Goodbye: _goodbye,
    Relay: _from_another,
}
