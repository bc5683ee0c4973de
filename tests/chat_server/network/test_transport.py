"""How bytes cross a connection with TLS: what waits, what ends it, and what is encrypted ahead."""

import socket

from chat_server.delivery.outbox import Outbox, Step
from chat_server.network.transport import DONT_WAIT, PIECE, TlsWire
from chat_server.rooms.codec import Codec
from chat_server.rooms.log_tail import Chunk
from chat_server.rooms.room import Room
from protocol.tls import Channel
from tests.support.clock import ManualClock
from tests.support.codec import RawWriter, as_is
from tests.support.peer import believing, encode
from tests.support.tls import server_context


class Line:
    """An outbox with TLS on a socket pair, and the other end of it."""

    def __init__(self, *, established: bool = True) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        self.server = Channel(server_context(), server_side=True)
        self.client = Channel(believing(), server_side=False)
        self.wire = TlsWire(self.ours, self.server)
        self.waiting = 0
        self.clock = ManualClock()
        self.outbox = Outbox(
            self.ours, self.clock, self._hand_over, _read_no_page, RawWriter(), self.wire
        )
        self.client.begin()
        if established:
            self.shake()

    def shake(self) -> None:
        """Do the handshake, the server's part of it through the outbox."""
        self.server.receive(self.client.take())
        self._push()
        self.client.receive(self.theirs.recv(65536))
        self.server.receive(self.client.take())
        self._push()

    def _push(self) -> None:
        self.outbox.push()
        while self.waiting:  # something waits already, so that the catch-up thread sends
            self.catch_up()

    def catch_up(self) -> Step:
        """A step of the catch-up thread."""
        step = self.outbox.step()
        if step is Step.DONE:
            self.waiting -= 1
        return step

    def read(self, size: int = 1 << 20) -> bytes:
        """What has arrived, decrypted."""
        self.theirs.setblocking(False)
        said = b""
        try:
            while data := self.theirs.recv(size):
                said += self.client.receive(data)
        except BlockingIOError:
            pass
        return said

    def close(self) -> None:
        """Let go of both ends."""
        self.outbox.abort()
        while self.waiting:
            self.catch_up()
        self.outbox.close()
        self.theirs.close()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hand_over(self, _: Outbox) -> None:
        self.waiting += 1


def _read_no_page(room: Room, seq: int, codec: Codec) -> Chunk:
    raise AssertionError((room, seq, codec))


def filler(number: int) -> bytes:
    return encode({"type": "filler", "number": number, "text": "x" * 50_000})


def test_only_so_much_is_encrypted_ahead_of_a_socket_that_is_full() -> None:
    """What a lagging member costs is bounded; and nothing is lost or doubled on the way."""
    with Line() as line:
        frames = [filler(number) for number in range(100)]
        for frame in frames:
            line.outbox.put(as_is(frame))
        assert line.waiting == 1
        assert 0 < len(line.wire.unsent) <= PIECE + 1024
        said = b""
        while line.waiting:
            line.catch_up()
            said += line.read()
        assert said == b"".join(frames)


def test_the_last_bytes_are_encrypted_and_not_taken() -> None:
    """Nothing plain waits any more, and still the outbox does not count as free."""
    with Line() as line:
        line.wire._flush(DONT_WAIT)
        _fill(line.ours)
        line.outbox.put(as_is(b"last"))
        assert line.waiting == 1
        line.outbox.put(as_is(b" words"))
        assert line.catch_up() is Step.BLOCKED
        line.theirs.setblocking(False)
        raw = _drain(line.theirs)
        while line.waiting:
            line.catch_up()
            raw += _drain(line.theirs)
        assert line.client.receive(raw.lstrip(b"\0")) == b"last words"


def _fill(sock: socket.socket) -> None:
    """Leave no place in a socket."""
    for size in (65536, 1024, 1):
        try:
            while True:
                sock.send(bytes(size), DONT_WAIT)
        except BlockingIOError:
            pass


def _drain(sock: socket.socket) -> bytes:
    data = b""
    try:
        while piece := sock.recv(1 << 20):
            data += piece
    except BlockingIOError:
        pass
    return data


def test_the_end_follows_all_that_waits_and_is_said() -> None:
    """Every frame, the last one, the word of TLS that nothing follows, the end of the stream."""
    with Line() as line:
        frames = [filler(number) for number in range(20)]
        for frame in frames:
            line.outbox.put(as_is(frame))
        line.outbox.finish(as_is(b"goodbye"))
        line.outbox.put(as_is(b"too late"))
        said = b""
        while line.waiting:
            line.catch_up()
            said += line.read()
        said += line.read()
        assert said == b"".join(frames) + b"goodbye"
        assert line.client.ended
        assert line.theirs.recv(1) == b""


def test_nothing_goes_out_after_an_abort() -> None:
    """What was encrypted and not sent is dropped: half a record is of no use to anybody."""
    with Line() as line:
        for number in range(20):
            line.outbox.put(as_is(filler(number)))
        line.outbox.abort()
        while line.waiting:
            line.catch_up()
        said = line.read()
        assert len(said) < 20 * 50_000
        assert line.theirs.recv(1) == b""


def test_taking_bytes_is_the_sign_of_life_and_not_encrypting_them() -> None:
    """`taken_at` is when the socket took some, as without TLS; a ping does not count."""
    with Line() as line:
        line.clock.advance(1.0)
        line.outbox.put(as_is(b"x"))
        taken = line.outbox.taken_at
        assert taken == line.clock.monotonic()
        _fill(line.ours)
        line.clock.advance(1.0)
        line.outbox.put(as_is(b"encrypted"))
        assert len(line.wire.unsent) > 0
        assert line.outbox.taken_at == taken
        line.theirs.setblocking(False)
        _drain(line.theirs)
        line.catch_up()
        assert line.outbox.taken_at == line.clock.monotonic()
        line.clock.advance(1.0)
        line.outbox.put_ping(as_is(b"ping"))
        assert line.outbox.taken_at == line.clock.monotonic() - 1.0


def test_what_is_said_before_the_handshake_waits_for_it() -> None:
    """With nobody: the catch-up thread lets go, and the handshake takes it up again."""
    with Line(established=False) as line:
        line.outbox.put(as_is(b"hello "))
        line.outbox.put(as_is(b"there"))
        assert line.catch_up() is Step.DONE
        assert line.waiting == 0
        line.shake()
        assert line.read() == b"hello there"


def test_the_end_waits_for_the_handshake_too() -> None:
    """A refusal is heard by who can hear it."""
    with Line(established=False) as line:
        line.outbox.finish(as_is(b"no place"))
        while line.waiting:
            line.catch_up()
        line.shake()
        assert line.read() == b"no place"
        assert line.client.ended
