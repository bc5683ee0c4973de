"""One run, and why it may not begin."""

import socket

import pytest

from chat_client.load.control.run import nobody_came
from tests.chat_client.load.faulty import faulty_server
from tests.chat_client.load.runs import make_run, wrong
from tests.support.ports import free_port
from tests.support.proxy import Link, Proxy
from tests.support.servers import address_of, running_server


def test_a_nick_that_is_taken(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A nick that is taken is an error that names it."""
    with socket.create_connection(tuple_of(server)) as other:
        other.sendall(frame(b'{"type":"hello","version":1,"nick":"taken-probe"}'))
        other.recv(1)
        assert "taken-probe" in wrong(capsys, server, "--nick-prefix", "taken")


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("nick_in_use: somebody here is called 'load0'", "give this one a --nick-prefix"),
        ("server_full: there are 2 already", "Is the server full"),
    ],
)
def test_nobody_comes(reason: str, says: str) -> None:
    """The error says why no client got in, and what to do."""
    assert reason in nobody_came([reason])
    assert says in nobody_came([reason])


def test_a_server_that_does_nothing_wrong_passes() -> None:
    """A run against a small correct server passes."""
    with faulty_server() as address:
        result = make_run(address, processes=2, rooms=2)
    assert result.verdict.passed
    assert result.received == result.expected > 0
    assert not result.faults


def test_several_servers_with_the_same_rooms() -> None:
    """The clients are spread over them. Whose server fails goes to the next, and loses nothing."""

    def fail_soon(link: Link) -> None:
        link.after(3000, Link.cut)

    with (
        running_server() as server,
        Proxy(address_of(server), fail_soon) as first,
        Proxy(address_of(server)) as second,
    ):
        result = make_run(f"{first.address},{second.address}", clients=6)
        sides = [len(proxy.links) for proxy in (first, second)]
    assert result.received == result.expected > 0
    assert not result.faults
    assert result.server == f"{first.address},{second.address}".replace("tcp://", "")
    assert sides[0] >= 3
    assert sides[1] > 3, "three clients begin at the first one, and it fails"


def test_each_of_several_servers_has_to_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the load begins; the one that does not is named."""
    with faulty_server() as address:
        other = f"127.0.0.1:{free_port()}"
        assert f"cannot connect to {other}: nobody listens" in wrong(capsys, f"{address},{other}")


def test_nobody_gets_in() -> None:
    """Without a single local port there is no report. The error says whose limit it is."""
    told = nobody_came(["EADDRNOTAVAIL"])
    assert "This machine has no local port left for another connection" in told
    assert "the generator's limit, not the server's" in told


def tuple_of(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


def frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload
