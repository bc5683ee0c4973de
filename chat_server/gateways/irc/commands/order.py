"""Keeping order: MODE and KICK, for moderators."""

from collections.abc import Callable
from functools import partial

from msgspec import UNSET

from chat_server.gateways.irc.client import IrcClient, Reply, Settled, Steps
from chat_server.gateways.irc.commands.channels import (
    no_such_channel,
    not_in,
    refused_in_room,
)
from chat_server.gateways.irc.wire.irc_lines import Line, build
from chat_server.gateways.irc.wire.names import channel_of, room_of
from chat_server.gateways.irc.wire.response import Response
from protocol.errors import Code
from protocol.messages import (
    AnyRequest,
    Ban,
    BanEntry,
    Bans,
    Deop,
    Error,
    Freeze,
    Invite,
    Kick,
    Lock,
    Op,
    Page,
    SetRules,
    Unban,
    Unfreeze,
)
from protocol.text import REASON_LIMIT

_ALWAYS = "n"
"""What a room always is: nobody speaks in it from outside."""

_ANYBODY = "*"

Change = tuple[bool, str, str]
"""Whether a mode is set, its letter, its parameter or ""."""


def mode(client: IrcClient, line: Line, response: Response) -> Steps:
    """Return the modes of a room or of oneself, or change those of a room."""
    target = line.param(0)
    if not target:
        response.add(client.numeric("461", "MODE", text="A channel or a nick is missing"))
    elif target.startswith("#"):
        yield from _channel_mode(client, line, response)
    elif client.network.live.person(client.network.names.nick(target)) is None:
        text = "Nobody here is called so"
        response.add(client.numeric("401", target.lstrip(":") or "*", text=text))
    elif client.network.names.nick(target).lower() != client.nick.lower():
        response.add(client.numeric("502", text="The modes of others are theirs"))
    else:
        unknown = [sign for sign in line.param(1) if sign not in "+-io"]
        if unknown:
            response.add(client.numeric("501", text=f"There is no mode {unknown[0]} here"))
        else:
            response.add(client.numeric("221", "+o" if client.moderates else "+"))


def _channel_mode(client: IrcClient, line: Line, response: Response) -> Steps:
    channel = line.params[0]
    room = room_of(channel)
    if room is None or not client.network.live.has_room(room, client.nick):
        response.add(no_such_channel(client, channel))
        return
    if len(line.params) < 2:
        response.add(_modes(client, room))
        return
    for each in _changes(line.params[1], list(line.params[2:])):
        yield from _change(client, room, each, response)


def _modes(client: IrcClient, room: str) -> str:
    now = client.network.live.modes(room)
    letters = (
        "+" + "i" * (now.locked or now.invites) + "m" * now.moderated + _ALWAYS + "t" * now.topic
    )
    return client.numeric("324", channel_of(room), letters)


def _changes(letters: str, params: list[str]) -> list[Change]:
    found: list[Change] = []
    to_set = True
    for letter in letters:
        if letter in "+-":
            to_set = letter == "+"
        else:
            param = params.pop(0) if letter in "bov" and params else ""
            found.append((to_set, letter, param))
    return found


def _change(client: IrcClient, room: str, change: Change, response: Response) -> Steps:
    to_set, letter, param = change
    if letter == "b" and not param:
        yield from _bans(client, room, response)
        return
    make = _REQUESTS.get(letter)
    if letter in _ALWAYS:
        response.add(_modes(client, room))
    elif make is None:
        text = f"There is no mode {letter} here"
        response.add(client.numeric("472", letter, text=text))
    elif letter in "ov" and not param:
        response.add(client.numeric("461", "MODE", text="A nick is missing"))
    elif room not in client.rooms:
        response.add(not_in(client, room))
    else:
        yield from _make_change(client, room, change, make(client, room, to_set, param), response)


def _make_change(
    client: IrcClient,
    room: str,
    change: Change,
    make: "Callable[[int], AnyRequest]",
    response: Response,
) -> Steps:
    to_set, letter, param = change
    shown = [param] if param else []
    line = build(
        client.source, "MODE", channel_of(room), f"{'+' if to_set else '-'}{letter}", *shown
    )

    def settle(reply: Reply) -> Settled:
        if isinstance(reply, Error):
            return [_not_changed(client, room, param, reply)]
        return [] if letter in "imt" else [line]  # of these an event tells everybody

    yield from client.send(make, response, settle)


def _not_changed(client: IrcClient, room: str, param: str, error: Error) -> str:
    if error.code in (Code.NO_SUCH_NICK, Code.BAD_NICK):
        return client.numeric("401", param.lstrip(":") or "*", text=error.text)
    return refused_in_room(client, "MODE", room, error)


def _freeze(_: IrcClient, room: str, to_set: bool, __: str) -> "Callable[[int], AnyRequest]":
    if to_set:
        return lambda number: Freeze(id=number, room=room)
    return lambda number: Unfreeze(id=number, room=room)


def _close(client: IrcClient, room: str, to_set: bool, __: str) -> "Callable[[int], AnyRequest]":
    """Let only those in who are invited; or everybody, also where the room is locked."""
    if not to_set and client.network.live.modes(room).locked:
        return lambda number: Lock(id=number, room=room, locked=False)
    return lambda number: SetRules(id=number, room=room, invite_only=to_set)


def _topic(_: IrcClient, room: str, to_set: bool, __: str) -> "Callable[[int], AnyRequest]":
    """Let only moderators set the topic, or everybody."""
    return lambda number: SetRules(
        id=number, room=room, topic="moderators" if to_set else "everybody"
    )


def _ban(client: IrcClient, _: str, to_set: bool, mask: str) -> "Callable[[int], AnyRequest]":
    who = _whom(client, mask)
    if to_set:
        return lambda number: Ban(id=number, who=who)
    return lambda number: Unban(id=number, who=who)


def _role(client: IrcClient, _: str, to_set: bool, shown: str) -> "Callable[[int], AnyRequest]":
    who = client.network.names.nick(shown)
    return lambda number: Op(id=number, who=who) if to_set else Deop(id=number, who=who)


def _voice(client: IrcClient, room: str, to_set: bool, shown: str) -> "Callable[[int], AnyRequest]":
    """Say who may speak in a frozen room: those who may until now, with one more or without one."""
    nick = client.network.names.nick(shown)
    voiced = [each.nick for each in client.network.live.members(room) if each.voiced]
    speakers = [each for each in voiced if each != nick] + [nick] * to_set
    return lambda number: Freeze(id=number, room=room, speakers=tuple(speakers))


_REQUESTS = {"m": _freeze, "i": _close, "t": _topic, "b": _ban, "o": _role, "v": _voice}


def _whom(client: IrcClient, mask: str) -> str:
    """Return whom a mask means: an account, an address, or a nick."""
    if mask.startswith(("$a:", "~a:", "~account:")):
        return "@" + mask.partition(":")[2]
    nick, _, rest = mask.partition("!")
    host = rest.rpartition("@")[2]
    if nick in ("", _ANYBODY) and host not in ("", _ANYBODY):
        return host
    return client.network.names.nick(nick)


def _bans(client: IrcClient, room: str, response: Response) -> Steps:
    """Return the bans, to moderators: they hold for the whole server."""
    channel, after = channel_of(room), 0
    more = client.moderates
    while more:
        reply = yield from client.ask(partial(_bans_after, after))
        if not isinstance(reply, Page) or reply.bans is UNSET:
            break
        bans = [each for each in reply.bans if each.act == "ban"]
        yield client.stream(response, [_ban_line(client, channel, each) for each in bans])
        more = reply.more and bool(reply.bans)
        after = reply.bans[-1].number if reply.bans else 0
    response.add(client.numeric("368", channel, text="End of the bans"))


def _bans_after(after: int, number: int) -> Bans:
    return Bans(id=number, after=after)


def _ban_line(client: IrcClient, channel: str, ban: BanEntry) -> str:
    shown = client.network.names.shown
    if ban.who.startswith("@"):
        mask = f"$a:{shown(ban.who[1:])}"
    elif ":" in ban.who or "." in ban.who:
        mask = f"*!*@{ban.who}"
    else:
        mask = f"{shown(ban.who)}!*@*"
    return client.numeric("367", channel, mask, shown(ban.by), str(int(ban.time)))


# -- KICK -----------------------------------------------------------------------------------------


def invite(client: IrcClient, line: Line, response: Response) -> Steps:
    """Let somebody into a room."""
    if len(line.params) < 2:
        response.add(client.numeric("461", "INVITE", text="A nick and a channel are missing"))
        return
    shown, room = line.params[0], room_of(line.params[1])
    if room is None or not client.network.live.has_room(room, client.nick):
        response.add(no_such_channel(client, line.params[1]))
        return
    who = client.network.names.nick(shown)

    def settle(reply: Reply) -> Settled:
        if isinstance(reply, Error):
            return [_not_changed(client, room, shown, reply)]
        return [client.numeric("341", shown, channel_of(room))]

    yield from client.send(lambda number: Invite(id=number, room=room, who=who), response, settle)


def kick(client: IrcClient, line: Line, response: Response) -> Steps:
    """Throw somebody out: of the server, as one cannot be thrown out of a room alone."""
    if len(line.params) < 2:
        response.add(client.numeric("461", "KICK", text="A channel or a nick is missing"))
        return
    channel, shown = line.params[:2]
    room, nick = room_of(channel), client.network.names.nick(shown)
    if room is None or not client.network.live.has_room(room, client.nick):
        response.add(no_such_channel(client, channel.lstrip(":")))
        return
    if room not in client.rooms:
        response.add(not_in(client, room))
        return
    person = client.network.live.person(nick)
    members = client.network.live.members(room)
    if person is None or all(each.nick != person.nick for each in members):
        text = "They are not in that channel"
        response.add(client.numeric("441", shown.lstrip(":") or "*", channel_of(room), text=text))
        return
    yield from _kick(client, room, person.nick, line.param(2)[:REASON_LIMIT].strip(), response)


def _kick(client: IrcClient, room: str, nick: str, why: str, response: Response) -> Steps:
    network = client.network

    def settle(reply: Reply) -> Settled:
        if isinstance(reply, Error):
            network.forget_kick(nick)
            return [_not_changed(client, room, nick, reply)]
        shown = network.names.shown(nick)
        text = f"{shown} was thrown out of the server: a room alone cannot be kicked from"
        return [client.notice(text)]

    if client.moderates:
        network.note_kick(nick, client.nick, why)
    yield from client.send(
        lambda number: Kick(id=number, who=nick, reason=why or None), response, settle
    )
