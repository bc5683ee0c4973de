"""Saying something: PRIVMSG, NOTICE, TAGMSG."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Literal

from msgspec import UNSET, Struct

from chat_server.gateways.irc.client import IrcClient, Reply, Settled, Steps
from chat_server.gateways.irc.commands.channels import no_such_channel
from chat_server.gateways.irc.events import direct_lines, relayed
from chat_server.gateways.irc.network import Relay
from chat_server.gateways.irc.welcome import TARGETS_LIMIT
from chat_server.gateways.irc.wire import capabilities
from chat_server.gateways.irc.wire.extras import Extra, Key
from chat_server.gateways.irc.wire.irc_codec import REPLY_TAGS
from chat_server.gateways.irc.wire.irc_lines import Line, build
from chat_server.gateways.irc.wire.names import channel_of, room_of
from chat_server.gateways.irc.wire.response import Response
from protocol.errors import Code, ProtocolError
from protocol.messages import Error, Ok, Say, Tell
from protocol.text import normalize_text

MSGID = re.compile(r"(.+)/([1-9][0-9]{0,14})")
"""The msgid of a message: its room and its seq. Fifteen digits are more than any has."""

_CTCP = "\x01"
_ACTION = "ACTION"

_FORMATTING = re.compile(
    r"\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
    r"|[\x02\x0f\x11\x16\x1d\x1e\x1f]"
)
"""Colours, bold and the like (modern.ircdocs.horse/formatting): no text has control characters."""


def privmsg(client: IrcClient, line: Line, response: Response) -> Steps:
    """Say something, in rooms or to people."""
    if not line.params:
        response.add(client.numeric("411", text=f"Nobody to send the {line.command} to was named"))
        return
    if not line.param(1):
        response.add(client.numeric("412", text="There is no text to send"))
        return
    targets = _targets(client, line, response)
    response.is_one = len(targets) == 1
    for target in targets:
        yield from _say(client, target, line, response)


def notice(client: IrcClient, line: Line, response: Response) -> Steps:
    """Say something that nothing answers by itself, with a mistake no more (RFC 2812, 3.3.2)."""
    if line.param(1):
        unsaid = Response(None, client.references)
        for target in _targets(client, line, unsaid):
            yield from _say(client, target, line, response)


def _targets(client: IrcClient, line: Line, response: Response) -> list[str]:
    targets = [target for target in line.params[0].split(",") if target]
    if len(targets) > TARGETS_LIMIT:
        text = f"A {line.command} has at most {TARGETS_LIMIT} targets: nothing was sent"
        response.add(client.numeric("407", targets[0].lstrip(":") or "*", text=text))
        return []
    return targets


def _say(client: IrcClient, target: str, line: Line, response: Response) -> Steps:
    """Say something in one room, or to one person."""
    text, action = _read(line.params[1])
    if text is None:
        return
    extra = Extra(command=line.command, tags=_own_tags(client, line))
    client.profile.about = client.profile.about._replace(spoke=client.network.live.now())
    if target.startswith("#"):
        yield from _say_in_room(client, target, text, extra, response, action=action)
    else:
        yield from _say_to(client, target, text, extra, response, action=action)


def _read(text: str) -> tuple[str | None, bool]:
    """Return what is said, None for CTCP that goes no further; and whether somebody does it."""
    action = False
    if text.startswith(_CTCP):
        command, _, text = text.strip(_CTCP).partition(" ")
        if command.upper() != _ACTION:
            return None, False
        action = True
    return without_formatting(text) or " ", action


def without_formatting(text: str) -> str:
    """Return a text without colours and the like."""
    return _FORMATTING.sub("", text)


def _own_tags(client: IrcClient, line: Line) -> dict[str, str]:
    """The tags that go to others: those that are the client's own."""
    if not client.may(capabilities.TAGS):
        return {}
    return {name: value for name, value in line.tags.items() if name.startswith("+")}


# -- in a room ------------------------------------------------------------------------------------


class _InRoom(Struct, eq=False, gc=False):
    """What was said in a room, until the reply comes. See Pending.

    A client may have hundreds of them. A function in a function would be twenty objects, which each
    full collection of garbage looks at: with fifty such clients it took 0.4 s. So it looks at none
    here, and for that it may not know the client, which knows it.
    """

    room: str
    channel: str
    response: Response
    is_notice: bool
    noted: tuple[Key, Extra] | None
    at_once: bool = False

    def settle(self, client: IrcClient, reply: Reply) -> Settled:
        """Return the lines that the reply is; None if the echo brings them."""
        if isinstance(reply, Error):
            if self.noted:
                client.network.extras.forget(*self.noted)
            return [] if self.is_notice else [_not_said(client, self.channel, reply)]
        assert isinstance(reply, Ok)
        seq = reply.seq if reply.seq is not UNSET else 0
        if not (self.response.labelled and client.may(capabilities.ECHO)):
            return []
        return None if client.expect_echo_locked(self.room, seq, self.response) else []


def _say_in_room(
    client: IrcClient, channel: str, text: str, extra: Extra, response: Response, *, action: bool
) -> Steps:
    room = room_of(channel)
    is_notice = extra.command == "NOTICE"
    if room is None or (
        room not in client.rooms and not client.network.live.has_room(room, client.nick)
    ):
        if not is_notice:
            response.add(no_such_channel(client, channel))
        return
    reply_to, extra.tags = _answered(room, extra.tags)
    noted = None
    if is_notice or extra.tags:
        noted = (room, client.nick, _normalized(text)), extra
        client.network.extras.note(*noted)
    pending = _InRoom(room, channel, response, is_notice, noted)
    kind: Literal["text", "action"] = "action" if action else "text"
    yield from client.post(
        lambda number: Say(id=number, room=room, text=text, kind=kind, reply_to=reply_to), pending
    )


def _answered(room: str, tags: Mapping[str, str]) -> tuple[int | None, Mapping[str, str]]:
    """Return the seq that a message of a room answers, and the tags without those that say it."""
    msgid = next((tags[name] for name in REPLY_TAGS if name in tags), "")
    found = MSGID.fullmatch(msgid)
    if found is None or room_of(f"#{found[1]}") != room:
        return None, tags
    return int(found[2]), {name: tags[name] for name in tags if name not in REPLY_TAGS}


def _normalized(text: str) -> str:
    """A text as the log has it; what is none is refused later."""
    try:
        return normalize_text(text)
    except ProtocolError:
        return text


def _not_said(client: IrcClient, channel: str, error: Error) -> str:
    if error.code == Code.NO_SUCH_ROOM:
        return no_such_channel(client, channel)
    return client.numeric("404", channel, text=error.text)


# -- to a person ----------------------------------------------------------------------------------


def _say_to(
    client: IrcClient, target: str, text: str, extra: Extra, response: Response, *, action: bool
) -> Steps:
    network, is_notice = client.network, extra.command == "NOTICE"
    person = network.live.person(network.names.nick(target))
    if action:
        text = f"* {client.shown} {text}"
    if person is None:
        yield from _leave_for(client, target, text, response, is_notice=is_notice)
        return
    extra.msgid = network.new_msgid()
    key = person.nick, client.nick, _normalized(text)
    network.extras.note(key, extra)
    reply = yield from client.ask(partial(_tell, person.nick, text))
    network.extras.forget(key, extra)
    if isinstance(reply, Error):
        if not is_notice:
            response.add(_not_told(client, target, reply))
        return
    if client.may(capabilities.ECHO):
        sent = extra.time or network.live.now()
        echo = direct_lines(client, client.nick, person.nick, key[2], sent, extra)
        response.add(*echo)
    about = network.read_about(person.nick)
    if about is not None and about.away and not is_notice:
        shown = network.names.shown(person.nick)
        response.add(client.numeric("301", shown, text=about.away))


def _leave_for(
    client: IrcClient, target: str, text: str, response: Response, *, is_notice: bool
) -> Steps:
    """Say something to one person who is not here: it waits for them, if anything does."""
    reply = yield from client.ask(partial(_tell, client.network.names.nick(target), text))
    if is_notice:
        return
    if isinstance(reply, Error):
        response.add(_not_told(client, target, reply))
        return
    shown = target.lstrip(":") or "*"
    response.add(client.numeric("301", shown, text="is away; your message waits for them"))


def _tell(nick: str, text: str, number: int) -> Tell:
    return Tell(id=number, to=nick, text=text)


def _nobody(client: IrcClient, target: str) -> str:
    return client.numeric("401", target.lstrip(":") or "*", text="Nobody here is called so")


def _not_told(client: IrcClient, target: str, error: Error) -> str:
    if error.code in (Code.NO_SUCH_NICK, Code.BAD_NICK):
        return _nobody(client, target)
    return client.refused("PRIVMSG", error)


# -- tags alone -----------------------------------------------------------------------------------


def tagmsg(client: IrcClient, line: Line, response: Response) -> Steps:
    """Send tags and no text to those on IRC who understand them (IRCv3 message-tags)."""
    yield from ()
    if not client.may(capabilities.TAGS):
        response.add(client.numeric("421", "TAGMSG", text="Ask for the capability message-tags"))
        return
    if not line.params:
        response.add(client.numeric("411", text="Nobody to send the TAGMSG to was named"))
        return
    tags = _own_tags(client, line)
    for target in _targets(client, line, response):
        if tags:
            _tag(client, target, tags, response)


def _tag(client: IrcClient, target: str, tags: dict[str, str], response: Response) -> None:
    network = client.network
    room = room_of(target) if target.startswith("#") else None
    person = None if room else network.live.person(network.names.nick(target))
    if room is not None and room not in client.rooms:
        text = "You are not in that channel"
        response.add(client.numeric("404", channel_of(room), text=text))
        return
    if room is None and person is None:
        missing = no_such_channel if target.startswith("#") else _nobody
        response.add(missing(client, target))
        return
    try:
        network.live.check_voice(client.nick, room, client.host)
    except ProtocolError as error:
        response.add(client.numeric("404", target, text=error.text))
        return
    shown = channel_of(room) if room else network.names.shown(person.nick if person else target)
    to_itself = person is not None and person.nick == client.nick
    relay = Relay(
        line=build(client.source, "TAGMSG", shown),
        needs=capabilities.TAGS,
        nick="" if to_itself else client.nick,
        time=network.live.now(),
        msgid=network.new_msgid(),
        tags=tags,
    )
    network.tell([room] if room else (), [person.nick] if person else (), relay)
    if client.may(capabilities.ECHO):
        response.add(*relayed(client, relay))
