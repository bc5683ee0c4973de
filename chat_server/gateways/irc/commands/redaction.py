"""Answering, editing and deleting what was said: REPLY, EDIT, DELETE, and REDACT of IRCv3.

No IRC client knows the first three: one types `/quote EDIT #room :what I meant`, or makes an alias.
They name a message by its number or by who said it, as most clients show no `msgid`.
"""

from collections.abc import Callable, Generator
from typing import NamedTuple

from msgspec import UNSET

from chat_server.gateways.earlier import LOOKED_AT, latest_of, number
from chat_server.gateways.gateway import Received
from chat_server.gateways.irc.client import IrcClient, Reply, Settled, Steps
from chat_server.gateways.irc.commands.channels import entered, refused_in_room
from chat_server.gateways.irc.commands.talk import MSGID, without_formatting
from chat_server.gateways.irc.wire.irc_lines import Line
from chat_server.gateways.irc.wire.names import channel_of, room_of
from chat_server.gateways.irc.wire.response import Response
from protocol.errors import Code
from protocol.messages import AnyRequest, Delete, Edit, Error, History, Page, Say

_REDACT_REFUSED: dict[str, str] = {
    Code.NO_SUCH_MESSAGE: "UNKNOWN_MSGID",
    Code.FORBIDDEN: "REDACT_FORBIDDEN",
    Code.MUTED: "REDACT_FORBIDDEN",
}
"""The codes that the specification has for refusals."""


class _Wanted(NamedTuple):
    """What a line asks: about which message of which room, and the words behind that."""

    room: str
    seq: int
    text: str


def reply(client: IrcClient, line: Line, response: Response) -> Steps:
    """Answer a message (`REPLY #room 12 :text`, `REPLY #room ben :text`)."""
    wanted = yield from _wanted(client, line, response, named=True)
    if wanted is None or not _has_text(client, wanted, response):
        return
    room, seq, text = wanted
    yield from _send(
        client, line, room, lambda id: Say(id=id, room=room, text=text, reply_to=seq), response
    )


def edit(client: IrcClient, line: Line, response: Response) -> Steps:
    """Give a message of one's own another text (`EDIT #room :text`, `EDIT #room 12 :text`)."""
    wanted = yield from _wanted(client, line, response, by_nick=False)
    if wanted is None or not _has_text(client, wanted, response):
        return
    room, seq, text = wanted
    yield from _send(client, line, room, lambda id: Edit(id, room, seq, text), response)


def delete(client: IrcClient, line: Line, response: Response) -> Steps:
    """Take a message back (`DELETE #room`, `DELETE #room 12 :why`, `DELETE #room ben :why`)."""
    wanted = yield from _wanted(client, line, response)
    if wanted is None:
        return
    room, seq, why = wanted
    yield from _send(client, line, room, lambda id: Delete(id, room, seq, why or None), response)


def redact(client: IrcClient, line: Line, response: Response) -> Steps:
    """Take a message back by its msgid (IRCv3 draft/message-redaction)."""
    if len(line.params) < 2:
        text = "A channel or a msgid is missing"
        response.add(client.numeric("461", "REDACT", text=text))
        return
    channel, msgid = line.params[0].lstrip(":") or "*", line.params[1].lstrip(":") or "*"
    room = room_of(channel)
    if room is None or room not in client.rooms:
        text = "Only what was said in a room that you are in can be taken back"
        response.add(client.refusal("REDACT", "INVALID_TARGET", text, channel))
        return
    found = MSGID.fullmatch(msgid)
    if found is None or room_of(f"#{found[1]}") != room:
        text = "That is no message of this room"
        response.add(client.refusal("REDACT", "UNKNOWN_MSGID", text, channel, msgid))
        return
    seq, why = int(found[2]), without_formatting(line.param(2)).strip()

    def settle(answer: Reply) -> Settled:
        if not isinstance(answer, Error):
            return []
        code = _REDACT_REFUSED.get(answer.code)
        if code is None:
            return [client.refused("REDACT", answer)]
        return [client.refusal("REDACT", code, answer.text, channel, msgid)]

    yield from client.send(lambda id: Delete(id, room, seq, why or None), response, settle)


def _wanted(
    client: IrcClient, line: Line, response: Response, *, named: bool = False, by_nick: bool = True
) -> Generator[Received, None, _Wanted | None]:
    """Find out what a line asks; say what is wrong with it otherwise.

    Args:
        client: who asks.
        line: the channel, then which message, then a text.
        response: gets what is wrong.
        named: whether which message has to be named; else it may be the own latest one.
        by_nick: whether it may be named by a nick.
    """
    if len(line.params) < (3 if named else 1):
        response.add(client.numeric("461", line.command, text="Not enough parameters"))
        return None
    room = entered(client, line.params[0], response)
    if room is None:
        return None
    word, seq, words = line.param(1), number(line.param(1)), line.params[2:]
    nick = client.nick
    if seq is None and by_nick and word:
        nick = client.network.names.nick(word)
    elif seq is None:
        words = line.params[1:]
    if seq is None:
        seq = yield from _latest(client, room, nick)
    if seq is None:
        shown = "you" if nick == client.nick else client.network.names.shown(nick)
        text = f"nothing of {shown} is among the last {LOOKED_AT} messages"
        response.add(client.notice(f"{line.command}: {text}", channel_of(room)))
        return None
    return _Wanted(room, seq, without_formatting(" ".join(words)).strip())


def _latest(client: IrcClient, room: str, nick: str) -> Generator[Received, None, int | None]:
    """The number of the last message that somebody said in a room."""
    page = yield from client.ask(lambda id: History(id, room, limit=LOOKED_AT))
    if isinstance(page, Page) and page.messages is not UNSET:
        return latest_of(page.messages, nick)
    return None


def _has_text(client: IrcClient, wanted: _Wanted, response: Response) -> bool:
    if not wanted.text:
        response.add(client.numeric("412", text="There is no text"))
    return bool(wanted.text)


def _send(
    client: IrcClient, line: Line, room: str, make: Callable[[int], AnyRequest], response: Response
) -> Steps:
    """Ask something; a message of the room says that it is done."""

    def settle(answer: Reply) -> Settled:
        if not isinstance(answer, Error):
            return []
        if answer.code == Code.MUTED:
            return [refused_in_room(client, line.command, room, answer)]
        return [client.refused(line.command, answer)]

    yield from client.send(make, response, settle)
