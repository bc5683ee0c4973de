"""The smallest possible server: no store, no rules, one thread, one room.

It measures the generator. What a benchmark reaches against this server is a lower bound of what it
can measure; near that bound, a result says more about the generator than about the server. With
--fault the server makes one mistake with one member, which the audit must notice.
"""

import select
import socket
import time

from benchmarks.stand_in import listen, parser_of
from protocol.framing import FrameDecoder
from protocol.messages import (
    Hello,
    Join,
    Message,
    Ok,
    Pong,
    Say,
    ServerMessage,
    Welcome,
    decode_request,
    encode,
)

VICTIM = 2
"""The connection, counted from 0, that a fault hits."""


class Client:
    """A connection, and what it has not taken yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.decoder = FrameDecoder()
        self.nick = ""
        self.unsent = bytearray()

    def send(self, data: bytes) -> None:
        """Send what the socket takes now and keep the rest."""
        if self.unsent:
            self.unsent += data
            return
        try:
            sent = self.connection.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self.unsent += data[sent:]

    def flush(self) -> None:
        """Send more of what was kept."""
        del self.unsent[: self.connection.send(self.unsent)]


class NullServer:
    """Sends what a client says to all clients."""

    def __init__(self, listener: socket.socket, fault: str) -> None:
        self._listener = listener
        self._fault = fault
        self._clients: dict[int, Client] = {}
        self._batch: list[bytes] = []
        self._seq = 0
        self._poll = select.epoll()
        self._poll.register(listener, select.EPOLLIN)

    def serve(self) -> None:
        """Serve until a signal handler raises an exception."""
        while True:
            for fd, event in self._poll.poll():
                if fd == self._listener.fileno():
                    self._accept()
                elif event & select.EPOLLOUT:
                    self._clients[fd].flush()
                    self._watch(fd)
                else:
                    self._read(fd)
            if self._batch:
                self._deliver()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        self._clients[connection.fileno()] = Client(connection)
        self._poll.register(connection, select.EPOLLIN)

    def _read(self, fd: int) -> None:
        client = self._clients[fd]
        data = client.connection.recv(1 << 18)
        if not data:
            self._poll.unregister(fd)
            self._clients.pop(fd).connection.close()
            return
        answers = [self._answer(client, payload) for payload in client.decoder.feed(data)]
        client.send(b"".join(encode(answer) for answer in answers if answer))
        self._watch(fd)

    def _answer(self, client: Client, payload: bytes) -> ServerMessage | None:
        match decode_request(payload):
            case Hello(nick=nick):
                client.nick = nick
                return Welcome(1, "null", "secret", nick, {}, "")
            case Join(id=id_, room=room):
                return Ok(id_, room, self._seq, len(self._clients), "")
            case Say(id=id_, room=room, text=text):
                self._seq += 1
                message = Message(room, self._seq, time.time(), client.nick, "text", text)
                self._batch.append(encode(message))
                return Ok(id_, seq=self._seq)
            case Pong():
                return None
            case other:
                raise NotImplementedError(f"the benchmark asks for no {other}")

    def _deliver(self) -> None:
        right = b"".join(self._batch)
        for number, (fd, client) in enumerate(self._clients.items()):
            wronged = number == VICTIM and self._fault and len(self._batch) > 1
            client.send(self._spoil() if wronged else right)
            if client.unsent:
                self._watch(fd)
        self._batch.clear()

    def _spoil(self) -> bytes:
        fault, self._fault = self._fault, ""
        first, second, *rest = self._batch
        wrong = {
            "drop": [second],
            "double": [first, first, second],
            "reorder": [second, first],
        }
        return b"".join([*wrong[fault], *rest])

    def _watch(self, fd: int) -> None:
        unsent = self._clients[fd].unsent
        self._poll.modify(fd, select.EPOLLIN | select.EPOLLOUT if unsent else select.EPOLLIN)


def main() -> None:
    """Listen, print the address, and serve until SIGTERM."""
    parser = parser_of(__doc__)
    parser.add_argument("--fault", choices=["", "drop", "double", "reorder"], default="")
    options = parser.parse_args()
    with listen(options.host, options.port) as listener:
        NullServer(listener, options.fault).serve()


if __name__ == "__main__":
    main()
