"""What a connection speaks, told by what the client sends first.

The server waits until that is clear: it never speaks first, except to turn somebody away.
"""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chat_server.delivery.replies import refusal
from chat_server.gateways.gateway import Gateway, Handover, OwnReply, Received
from chat_server.gateways.irc.irc_gateway import IrcGateway
from chat_server.gateways.irc.network import Network
from chat_server.gateways.lines import LinesGateway
from chat_server.gateways.native import NATIVE, NativeGateway
from chat_server.gateways.web.http import METHODS, HttpGateway
from chat_server.gateways.web.site import Site
from chat_server.network.addresses import host_of
from chat_server.rooms.codec import Broadcast
from chat_server.runtime.config.settings import LiveSettings
from protocol.errors import Code, ProtocolError
from protocol.messages import Goodbye, ServerMessage, encode
from protocol.tls import HANDSHAKE

log = logging.getLogger(__name__)

WORD_LIMIT = 16
"""What is not clear after so many bytes is lines."""

_NO_TLS = b"\x15\x03\x03\x00\x02\x02\x28"
"""A TLS alert, "handshake failure": a browser that tries https first goes on with http at once."""

_IRC_WORDS = frozenset(("CAP", "NICK", "USER", "PASS", "QUIT", "JOIN", "PING", "AUTHENTICATE"))
"""What an IRC client may begin with, in any case."""

_TELNET = 0xFF
_FIRST_OF_UTF8 = range(0xC2, 0xF5)
"""The first byte of a character that is not ASCII."""

_WORD_END = re.compile(rb"[ \r\n]")


@dataclass(frozen=True)
class Doors:
    """What a server's connections may speak, besides frames."""

    settings: LiveSettings
    site: Site
    irc: Network

    def note_kick(self, nick: str) -> None:
        """Know that somebody is thrown out, whatever they speak.

        The rooms are told that they left. Those who speak IRC read it as a KICK.
        """
        self.irc.note_other_kick(nick)


class Sniffer:
    """The first gateway of each connection: it gives way to the one that understands the client.

    What is written before that is written as native frames.
    """

    __slots__ = ("_doors", "_encrypted", "_host", "_needs_tls", "_peer", "_received", "greeted")

    codec = NATIVE
    answers_pings = True
    writes_own = False

    def __init__(
        self, doors: Doors, peer: str, *, encrypted: bool = False, needs_tls: bool = False
    ) -> None:
        """
        Args:
            doors: what may be spoken.
            peer: the client's address, for the log.
            encrypted: whether what comes was encrypted.
            needs_tls: whether what comes is refused, in its own language, as it is not.
        """
        self._doors = doors
        self._peer = peer
        self._host = host_of(peer)
        self._encrypted = encrypted
        self._needs_tls = needs_tls
        self._received = b""
        self.greeted = False

    @property
    def unfinished(self) -> int:
        """Bytes of the first word. See Gateway."""
        return len(self._received)

    def receive(self, data: bytes) -> Iterator[Received]:
        """Yield the gateway that the client asks for, and what that one asks. See Gateway."""
        self._received += data
        if self._received[0] == HANDSHAKE:
            log.info("%s speaks TLS, and this server does not: see --tls", self._peer)
            yield OwnReply(_NO_TLS, ends=Code.BAD_FRAME)
            return
        make = self.speaks(self._received)
        if make is None:
            return
        gateway = make()
        yield Handover(gateway)
        if self._needs_tls and not isinstance(gateway, HttpGateway):
            raise ProtocolError(Code.BAD_FRAME, "this server speaks TLS: connect with --tls")
        yield from gateway.receive(self._received)

    def write(self, event: ServerMessage) -> bytes:
        """As native frames."""
        return encode(event)

    def write_shared(self, events: Broadcast) -> bytes:
        """As native frames."""
        return events.encoded(NATIVE)

    def speaks(self, begin: bytes) -> Callable[[], Gateway] | None:
        """Return what makes the gateway for who begins like this; None if that is not clear yet."""
        settings = self._doors.settings.now
        if begin[0] == _TELNET or begin[0] in _FIRST_OF_UTF8:
            return self._lines if settings.lines else NativeGateway
        if not _is_text(begin[0]):
            return NativeGateway
        end = _WORD_END.search(begin[:WORD_LIMIT])
        if end is None and len(begin) < WORD_LIMIT:
            return None
        word = begin[: end.start()].decode("ascii", "replace") if end else ""
        blank = end is not None and end[0] == b" "
        if blank and word in METHODS:
            return self._http if settings.web else NativeGateway
        if blank and word.upper() in _IRC_WORDS:
            return self._irc if settings.irc else NativeGateway
        return self._lines if settings.lines else NativeGateway

    def _irc(self) -> Gateway:
        return IrcGateway(self._doors.irc, self._host)

    def _http(self) -> Gateway:
        return HttpGateway(self._doors.site, secure=self._encrypted, needs_tls=self._needs_tls)

    def _lines(self) -> Gateway:
        return LinesGateway(asks_password=bool(self._doors.settings.now.password))


def refused(doors: Doors, error: ProtocolError, begin: bytes) -> bytes:
    """Return what somebody gets who is turned away before a connection is made of them.

    Args:
        doors: what may be spoken.
        error: why they are turned away.
        begin: what they sent first. Where that does not tell what they speak, it is frames.
    """
    make = Sniffer(doors, "").speaks(begin) if begin else None
    gateway = make() if make else NativeGateway()
    return gateway.write(refusal(None, error)) + gateway.write(Goodbye(error.code, error.text))


def _is_text(byte: int) -> bool:
    return 0x20 <= byte < 0x7F or byte in b"\r\n\t"
