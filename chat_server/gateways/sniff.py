"""What a connection speaks, told by what the client sends first.

The server waits until that is clear: it never speaks first, except to turn somebody away.
"""

import logging
from collections.abc import Iterator

from chat_server.gateways.gateway import Answer, Asked, Handover
from chat_server.gateways.native import NativeGateway
from chat_server.rooms.codec import Broadcast, Codec
from protocol.errors import Code, ProtocolError
from protocol.messages import ServerMessage
from protocol.tls import HANDSHAKE

log = logging.getLogger(__name__)

# A TLS alert, "handshake failure": a browser that tries https first goes on with http at once.
_NO_TLS = b"\x15\x03\x03\x00\x02\x02\x28"


class Sniffer:
    """The first gateway of each connection: it gives way to the one that understands the client.

    What is written before that is written as native frames.
    """

    __slots__ = ("_native", "_needs_tls", "_peer")

    greeted = False
    answers_pings = True

    def __init__(self, peer: str, *, needs_tls: bool = False) -> None:
        """
        Args:
            peer: the client's address, for the log.
            needs_tls: whether what comes is refused, in its own language, as it is not encrypted.
        """
        self._native = NativeGateway()
        self._peer = peer
        self._needs_tls = needs_tls

    @property
    def codec(self) -> Codec:
        """The native one."""
        return self._native.codec

    def receive(self, data: bytes) -> Iterator[Asked]:
        """Yield the gateway that `data` asks for, and what that one makes of it. See Gateway."""
        if data[0] == HANDSHAKE:
            log.info("%s speaks TLS, and this server does not: see --tls", self._peer)
            yield Answer(_NO_TLS, ends=Code.BAD_FRAME)
            return
        gateway = self._native
        yield Handover(gateway)
        if self._needs_tls:
            raise ProtocolError(Code.BAD_FRAME, "this server speaks TLS: connect with --tls")
        yield from gateway.receive(data)

    def write(self, event: ServerMessage) -> bytes:
        """As native frames."""
        return self._native.write(event)

    def write_shared(self, events: Broadcast) -> bytes:
        """As native frames."""
        return self._native.write_shared(events)
