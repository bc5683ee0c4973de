"""The gateway of one IRC connection: lines in, requests out; replies and events in, lines out."""

from collections.abc import Iterator

from chat_server.gateways.gateway import (
    IDLE_AT_ONCE,
    AnsweredFirst,
    Handover,
    Idle,
    OwnReply,
    Received,
)
from chat_server.gateways.irc.client import Gone, IrcClient, Steps
from chat_server.gateways.irc.commands.table import COMMANDS
from chat_server.gateways.irc.events import mode_of, move, renamed_since, written
from chat_server.gateways.irc.network import Network
from chat_server.gateways.irc.registration import Registration
from chat_server.gateways.irc.wire.irc_codec import IrcCodec
from chat_server.gateways.irc.wire.irc_lines import NOT_UTF8, BadLine, Line, LineReader, encoded
from chat_server.gateways.irc.wire.response import Response
from chat_server.rooms.codec import Broadcast
from protocol.messages import ServerMessage

_ANSWERED_LATER = frozenset({"PRIVMSG", "NOTICE", "TAGMSG", "PONG"})
"""Commands that read nothing: they do not wait until what came before them is answered."""


class IrcGateway:
    """One IRC connection. See Gateway."""

    __slots__ = ("_client", "_reader", "_registration", "greeted")

    answers_pings = True
    writes_own = True

    def __init__(self, network: Network, host: str) -> None:
        """
        Args:
            network: what all IRC connections of the server share.
            host: the address that the client is from.
        """
        self._client = IrcClient(network, host)
        self._reader = LineReader()
        self._registration = Registration(self._client)
        self.greeted = False

    @property
    def codec(self) -> IrcCodec:
        """The one that all share who have asked for the same tags."""
        return self._client.network.codec(self._client.has)

    @property
    def unfinished(self) -> int:
        """Bytes of a line. See Gateway."""
        return self._reader.buffered

    def receive(self, data: bytes) -> Iterator[Received]:
        """Yield what each line asks for that `data` completes. See Gateway."""
        empty = 0
        for line in self._reader.feed(data):
            if line is None:
                empty += 1
                if empty >= IDLE_AT_ONCE:
                    yield Idle(empty)
                    empty = 0
                continue
            if isinstance(line, BadLine):
                yield OwnReply(encoded([self._complaint(line)]))
                continue
            codec = self.codec
            yield from self._answered(line)
            yield from self._refreshed()
            if self.codec is not codec:
                yield Handover(self)
        if empty:
            yield Idle(empty)

    def write(self, event: ServerMessage) -> bytes:
        """Return one event, or reply, as lines; nothing for most replies."""
        with self._client.lock:
            return written(self._client, event)

    def write_shared(self, events: Broadcast) -> bytes:
        """Return events that many are sent: each client knows others, and other names."""
        with self._client.lock:
            return b"".join(written(self._client, event) for event in events.events)

    def _answered(self, line: Line) -> Iterator[Received]:
        """Yield what a line asks for, then its answer: a sign of life at the least."""
        client = self._client
        if line.command not in _ANSWERED_LATER and client.is_owed:
            yield AnsweredFirst()
        response = client.respond(line)
        asked = False
        try:
            for each in self._steps(line, response):
                asked = True
                yield each
        except Gone:
            return
        with client.lock:
            data = response.end()
        if data or not asked:
            yield OwnReply(data)

    def _refreshed(self) -> Iterator[Received]:
        """Yield who came and went unnoticed, as somebody joined and had another nick at once."""
        client = self._client
        while client.stale:
            with client.lock:
                room, listed = client.stale.popitem()
            members = client.network.live.members(room)
            people = [person.nick for person in members]
            with client.lock:
                there = client.rooms.get(room)
                if not there:
                    continue
                lines = renamed_since(client, listed, members)
                known, gone = set(there), [nick for nick in there if nick not in people]
                lines += move(client, room, people, gone)
                lines += [
                    mode_of(client, room, person.nick, moderates=True)
                    for person in members
                    if person.moderates and person.nick in there and person.nick not in known
                ]
            if lines:
                yield OwnReply(encoded(lines))

    def _steps(self, line: Line, response: Response) -> Steps:
        if not self._client.registered:
            yield from self._registration.take(line, response)
            return
        command = COMMANDS.get(line.command)
        if command is None:
            shown = line.command if line.command.isprintable() else "*"
            text = "There is no such command here"
            response.add(self._client.numeric("421", shown, text=text))
            return
        yield from command(self._client, line, response)

    def _complaint(self, line: BadLine) -> str:
        client = self._client
        if line is NOT_UTF8:
            return client.refusal("*", line.code, line.text)
        return client.numeric(line.code, text=line.text)
