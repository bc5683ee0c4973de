"""A small server that speaks the protocol, and makes mistakes on purpose.

It has one thread and one selector. Every fault is given in numbers of messages, never in seconds,
so that a test does not depend on how fast anything is.
"""

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from protocol.framing import HEADER_SIZE, FrameDecoder
from protocol.messages import (
    Bye,
    Error,
    Forget,
    Hello,
    Join,
    Message,
    Ok,
    Say,
    ServerMessage,
    Welcome,
    decode_request,
    encode,
)
from tests.support.waiting import DEADLINE

Spoil = Callable[[list[bytes]], list[bytes]]
"""Takes the frames of messages 1 to 3 of a room, and returns those that the victim gets."""

Rewrite = Callable[[bytes], bytes]
"""Takes the payload of a frame, and returns another one."""


class Client:
    """A connection, and the bytes that it has not taken yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.decoder = FrameDecoder()
        self.nick = ""
        self.room = ""
        self.unsent = bytearray()


class FaultyServer:
    """A server that delivers each text to all members of its room, but for its faults."""

    def __init__(
        self,
        *,
        victim: str = "",
        spoil: Spoil = list,
        hold: tuple[int, int] = (0, 0),
        forget: int = 0,
        refuse: str = "",
        busy: bool = False,
        rewrite: Rewrite = bytes,
    ) -> None:
        """
        Args:
            victim: the nick of the member that `spoil` is for.
            spoil: returns what the victim gets instead of the first three messages.
            hold: the numbers of the first and the last message (of all rooms, from 1) that are not
                answered and not delivered until the last one has come.
            forget: the number of the message (of all rooms, from 1) that is confirmed and never
                delivered.
            refuse: the code that every text is refused with.
            busy: whether the first join of each connection has to be sent again.
            rewrite: returns what is sent instead of each payload. The length is corrected.
        """
        self._rewrite = rewrite
        self._victim = victim
        self._spoil = spoil
        self._hold = hold
        self._forget = forget
        self._refuse = refuse
        self._busy = busy
        self._said = 0
        self._held: list[Callable[[], None]] = []
        self._logs: dict[str, list[bytes]] = {}
        self._clients: set[Client] = set()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._waker, self._wakened = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="faulty server")

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Start its thread."""
        self._thread.start()

    def stop(self) -> None:
        """End its thread and all connections."""
        self._waker.send(b"x")
        self._thread.join(DEADLINE)
        for client in self._clients:
            client.connection.close()
        for each in (self._listener, self._waker, self._wakened, self._selector):
            each.close()

    def _serve(self) -> None:
        while True:
            for key, events in self._selector.select():
                if key.fileobj is self._wakened:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                    continue
                if events & selectors.EVENT_WRITE:
                    self._send(key.data, b"")
                if events & selectors.EVENT_READ:
                    self._read(key.data)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        client = Client(connection)
        self._clients.add(client)
        self._selector.register(connection, selectors.EVENT_READ, client)

    def _read(self, client: Client) -> None:
        try:
            data = client.connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(client.connection)
            self._clients.discard(client)
            client.connection.close()
            return
        for payload in client.decoder.feed(data):
            self._answer(client, payload)

    def _answer(self, client: Client, payload: bytes) -> None:
        match decode_request(payload):
            case Hello(nick=nick):
                client.nick = nick
                self._say(client, Welcome(1, "faulty", "secret", nick, {}, ""))
            case Join(id=number, room=room) if self._busy and not client.room:
                client.room = room
                self._say(client, Error(number, "rate_limited", "Wait.", retry_after=0.001))
            case Join(id=number, room=room):
                client.room = room
                log = self._logs.setdefault(room, [])
                self._say(client, Ok(number, room, len(log), 1, ""))
            case Say() as say:
                self._take(client, say)
            case Bye(id=number):
                self._say(client, Ok(number))
            case Forget(id=number):  # as a server that does not know the request
                self._say(client, Error(number, "bad_request", "Invalid value 'forget'."))
            case other:
                raise NotImplementedError(f"the load tester asks for no {other}")

    def _take(self, client: Client, say: Say) -> None:
        if self._refuse:
            self._say(client, Error(say.id, self._refuse, "You said too much."))
            return
        self._said += 1
        first, last = self._hold
        if not first <= self._said <= last:
            self._publish(client, say, self._said)
            return
        number = self._said
        self._held.append(lambda: self._publish(client, say, number))
        if number == last:
            for publish in self._held:
                publish()

    def _publish(self, client: Client, say: Say, number: int) -> None:
        log = self._logs[say.room]
        frame = self._encoded(Message(say.room, len(log) + 1, 1.5, client.nick, "text", say.text))
        log.append(frame)
        self._say(client, Ok(say.id, seq=len(log)))
        if number == self._forget:
            return
        for member in list(self._clients):
            if member.room == say.room:
                self._send(member, b"".join(self._owed(member, log)))

    def _owed(self, member: Client, log: list[bytes]) -> list[bytes]:
        """What a member gets when the newest message is there."""
        if member.nick != self._victim or len(log) > 3:
            return log[-1:]
        return self._spoil(list(log)) if len(log) == 3 else []

    def _say(self, client: Client, message: ServerMessage) -> None:
        self._send(client, self._encoded(message))

    def _encoded(self, message: ServerMessage) -> bytes:
        payload = self._rewrite(encode(message)[HEADER_SIZE:])
        return len(payload).to_bytes(HEADER_SIZE, "big") + payload

    def _send(self, client: Client, data: bytes) -> None:
        client.unsent += data
        with suppress(OSError):  # full, or gone, which reading finds out
            del client.unsent[: client.connection.send(client.unsent)]
        waiting = selectors.EVENT_WRITE if client.unsent else 0
        if client in self._clients:
            self._selector.modify(client.connection, selectors.EVENT_READ | waiting, client)


@contextmanager
def faulty_server(
    *,
    victim: str = "",
    spoil: Spoil = list,
    hold: tuple[int, int] = (0, 0),
    forget: int = 0,
    refuse: str = "",
    busy: bool = False,
    rewrite: Rewrite = bytes,
) -> Iterator[str]:
    """Run a FaultyServer while the block runs, and give its address."""
    server = FaultyServer(
        victim=victim,
        spoil=spoil,
        hold=hold,
        forget=forget,
        refuse=refuse,
        busy=busy,
        rewrite=rewrite,
    )
    server.start()
    try:
        yield server.address
    finally:
        server.stop()
