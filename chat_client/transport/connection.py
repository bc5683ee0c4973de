"""One connection: requests in at one end, the server's messages out at the other.

Its owner's thread reads. A thread of its own writes, so that whoever sends is never held up by
the network, and so that what is sent keeps its order.

At first there is a deadline, by which the server must have welcomed the client: a server that sends
a byte now and then would put off a timeout for ever. From `set_timeout` on the socket has one
timeout for both directions. A server from which no byte came for so long is asked whether it
lives, one that took no byte for so long is dead.
"""

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from chat_client.errors import ConnectionLost
from chat_client.transport.tls import TlsSocket, recv_by
from chat_client.transport.trace import Trace
from protocol.errors import ProtocolError
from protocol.framing import FrameDecoder
from protocol.messages import AnyServerMessage, decode_server_message

_CHUNK = 65536


class Connection:
    """A connected socket with frames on it. `close` it when it is done with.

    Attributes:
        received: the first bytes that came, for the error message about a server that speaks
            something else.
    """

    def __init__(
        self, connected: socket.socket | TlsSocket, timeout: float, trace: Trace | None = None
    ) -> None:
        """Take over a socket.

        Args:
            connected: the socket; this object closes it.
            timeout: seconds until the deadline; see the top of the module.
            trace: is told of each frame.
        """
        self._socket = connected
        self._trace = trace
        self._socket.settimeout(timeout)
        # On the monotonic clock; None from `set_timeout` on. The reading thread's own.
        self._deadline: float | None = time.monotonic() + timeout
        self.received = b""
        self._unsent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        if isinstance(connected, TlsSocket):
            # The writer sends what TLS has to say by itself. The reader must not: it would wait
            # for a server that waits until it reads.
            connected.when_owing(lambda: self.send(b""))
        self._writer = threading.Thread(target=self._write, name="chat-client writer", daemon=True)
        self._writer.start()

    def set_timeout(self, timeout: float) -> None:
        """Have a timeout in place of the deadline from the next call on. For the reading thread.

        Args:
            timeout: seconds, for each direction.
        """
        self._deadline = None
        self._socket.settimeout(timeout)

    def send(self, frame: bytes) -> None:
        """Have a frame sent behind those before it. Never waits, and never fails: a connection
        that is broken is noticed by the reader.
        """
        self._unsent.put(frame)

    def receive(self) -> Iterator[AnyServerMessage | None]:
        """Yield what the server says, and None where the deadline has passed, or the timeout has
        passed in silence.

        Types that this version does not know are left out. Ends when the server closes.

        Raises:
            ConnectionLost: the connection broke, or what came is not the protocol.
        """
        decoder = FrameDecoder()
        try:
            while True:
                try:
                    data = self._recv()
                except TimeoutError:
                    yield None
                    continue
                if not data:
                    return
                self.received = self.received or data[:64]
                for payload in self._payloads(decoder, data):
                    message = decode_server_message(payload)
                    if message is not None:
                        yield message
        except OSError as error:
            raise ConnectionLost(f"the connection broke ({error.strerror or error})") from error
        except ProtocolError as error:
            raise ConnectionLost(f"the server broke the protocol ({error.text})") from error

    def _payloads(self, decoder: FrameDecoder, data: bytes) -> Iterator[bytes]:
        """The payloads that `data` completes. Raises ProtocolError as the decoder does."""
        trace = self._trace
        if trace is None:
            yield from decoder.feed(data)
            return
        try:
            for payload in decoder.feed(data):
                trace.received(payload)
                yield payload
        except ProtocolError as error:
            trace.broken(data, error.text)
            raise

    def _recv(self) -> bytes:
        if self._deadline is None:
            return self._socket.recv(_CHUNK)
        if isinstance(self._socket, TlsSocket):
            return self._socket.recv(_CHUNK, self._deadline)
        return recv_by(self._socket, _CHUNK, self._deadline)

    def abort(self) -> None:
        """Break the connection. This wakes both threads; from any thread."""
        with suppress(OSError):  # the other side was first
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Break the connection and let go of the socket. For the reading thread."""
        self.abort()
        self._unsent.put(None)
        self._writer.join()
        self._socket.close()

    def _write(self) -> None:
        try:
            for frame in iter(self._unsent.get, None):
                if self._trace and frame:  # an empty one is for TLS
                    self._trace.sent(frame)
                self._socket.sendall(frame)
        except OSError:  # a frame may be half out: nothing can follow it
            self.abort()
