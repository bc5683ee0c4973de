"""What a client makes of the bytes that come: lines, messages, numbers, and the end."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.stage.client import Client, Readers
from lab.stage.errors import ServerError
from lab.stage.ports import free_port
from tests.support.leaks import nothing_left_behind
from tests.support.waiting import DEADLINE


@contextmanager
def connected(name: str = "ana") -> Iterator[tuple[Client, socket.socket, list[str]]]:
    """A client, the socket at its other end, and the lines that were handed on."""
    heard: list[str] = []
    with (
        nothing_left_behind(),
        socket.create_server(("127.0.0.1", 0)) as listener,
        Readers() as readers,
    ):
        client = Client(name, listener.getsockname(), readers, lambda _, line: heard.append(line))
        other, _ = listener.accept()
        other.settimeout(DEADLINE)
        with other:
            try:
                yield client, other, heard
            finally:
                client.close()


def test_it_says_its_name() -> None:
    """Before anything else."""
    with connected() as (client, other, _):
        client.say("hello")
        got = b""
        while got.count(b"\n") < 2:
            got += other.recv(100)
        assert got == b"ana\nhello\n"
        assert client.said == 1


def test_bytes_become_lines_and_messages() -> None:
    """However they are cut; a message may have a number."""
    with connected() as (client, other, heard):
        for part in (b"wel", b"come ana\n7 b", b"en: a: b\ncho: x\nrest"):
            other.sendall(part)
        assert client.count_messages(2) == 2
        assert client.wait(lambda: client.unfinished == b"rest" or bool(client.bytes == 35))
        assert client.lines == heard == ["welcome ana", "7 ben: a: b", "cho: x"]
        assert client.messages() == [("ben", "a: b"), ("cho", "x")]
        assert client.numbers() == [7]
        assert len(client.times()) == 2
        assert client.is_welcome(0)


def test_it_answers_a_ping_between_lines_only() -> None:
    """Amid a line of its own a pong would be part of it."""
    with connected() as (client, other, heard):
        assert other.recv(100) == b"ana\n"
        other.sendall(b"ping\n")
        assert other.recv(100) == b"pong\n"
        client.send(b"half a ")
        assert other.recv(100) == b"half a "
        other.sendall(b"ping\nnews\n")
        assert client.hears("news")
        client.send(b"line\n")
        assert other.recv(100) == b"line\n"
        assert heard == ["news"]


def test_the_end_is_noticed() -> None:
    """When the server closes, and also when it resets the connection."""
    with connected() as (client, other, _):
        other.close()
        assert client.wait(lambda: client.ended)


def test_who_waits_can_be_let_go() -> None:
    """At once, and with the truth."""
    with connected() as (client, _, _heard):
        client.give_up()
        assert not client.hears("never", DEADLINE * 100)
        assert not client.send(b"x")


def test_a_server_that_is_not_there() -> None:
    """Is a sentence."""
    with Readers() as readers, pytest.raises(ServerError, match="Connection refused"):
        Client("ana", ("127.0.0.1", free_port()), readers, lambda _client, _line: None)
