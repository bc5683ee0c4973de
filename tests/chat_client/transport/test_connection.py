"""One connection: frames in order in both directions, and an end that wakes whoever waits."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from chat_client.errors import ConnectionLost
from chat_client.transport.connection import Connection
from protocol.messages import Goodbye, Ok, ServerPong
from tests.support.leaks import nothing_left_behind
from tests.support.peer import encode
from tests.support.waiting import DEADLINE


class Pair:
    """A connection, and the server's end of it."""

    def __init__(self, timeout: float = DEADLINE) -> None:
        ours, self.server = socket.socketpair()
        self.server.settimeout(DEADLINE)
        self.connection = Connection(ours, timeout)
        self.heard = self.connection.receive()

    def close(self) -> None:
        self.connection.close()
        self.server.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with nothing_left_behind(), closing(Pair()) as pair:
        yield pair


def test_what_the_server_says_comes_in_order(pair: Pair) -> None:
    """In whatever pieces; what this version does not know is left out."""
    stream = b"".join(
        encode(frame)
        for frame in ({"type": "ok", "re": 1}, {"type": "weather"}, {"type": "pong", "re": 2})
    )
    for start in range(0, len(stream), 7):
        pair.server.sendall(stream[start : start + 7])
    assert next(pair.heard) == Ok(re=1)
    assert next(pair.heard) == ServerPong(re=2)


def test_what_is_sent_keeps_its_order(pair: Pair) -> None:
    """And whoever sends does not wait for a server that reads nothing."""
    frames = [encode({"type": "say", "id": number, "text": "x" * 1000}) for number in range(2000)]
    for frame in frames:
        pair.connection.send(frame)
    expected, arrived = b"".join(frames), bytearray()
    while len(arrived) < len(expected):
        arrived += pair.server.recv(1 << 20)
    assert bytes(arrived) == expected


def test_a_server_that_closes_ends_it(pair: Pair) -> None:
    """What it said before is heard."""
    pair.server.sendall(encode({"type": "goodbye", "code": "kicked", "text": "Enough."}))
    pair.server.shutdown(socket.SHUT_WR)
    said = list(pair.heard)
    assert [type(each) for each in said] == [Goodbye]


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"\0\0\0\2no", b"\0\0\0\2[]"])
def test_what_is_not_the_protocol_ends_it(pair: Pair, data: bytes) -> None:
    """With the rule that was broken; the first bytes are kept for whoever explains it."""
    pair.server.sendall(data)
    with pytest.raises(ConnectionLost, match="broke the protocol"):
        list(pair.heard)
    assert pair.connection.received == data


def test_silence_is_told_and_ends_nothing() -> None:
    """Each time that the timeout has passed."""
    with closing(Pair()) as pair:
        pair.connection.set_timeout(0.01)
        assert [next(pair.heard), next(pair.heard)] == [None, None]
        pair.server.sendall(encode({"type": "ok", "re": 1}))
        assert next(item for item in pair.heard if item) == Ok(re=1)


def test_an_abort_wakes_both_threads(pair: Pair) -> None:
    """The one that reads, and the one that waits for a server that takes nothing."""
    pair.connection.send(b"x" * 10_000_000)
    ended = threading.Event()

    def read() -> None:
        assert list(pair.heard) == []
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    pair.server.recv(1)  # the writer is at it
    pair.connection.abort()
    assert ended.wait(DEADLINE)
    reader.join()
    pair.connection._writer.join(DEADLINE)
    assert not pair.connection._writer.is_alive()
