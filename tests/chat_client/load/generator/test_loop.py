"""The event loop of a worker: timers in order, sockets that are ready."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from chat_client.load.generator.loop import READ, WRITE, Loop, clock

HOUR = 3600 * 1_000_000


@pytest.fixture
def loop() -> Iterator[Loop]:
    with closing(Loop()) as made:
        yield made


def test_timers_run_in_order_and_once(loop: Loop) -> None:
    """Timers that are due run in order. Of two for the same moment, the first set runs first."""
    called: list[str] = []
    now = clock()
    loop.call_at(now, lambda: called.append("second"))
    loop.call_at(now, lambda: called.append("third"))
    loop.call_at(now - 1, lambda: called.append("first"))
    loop.call_at(now + HOUR, lambda: called.append("later"))
    assert loop.run_timers() == now + HOUR
    assert loop.run_timers() == now + HOUR
    assert called == ["first", "second", "third"]


def test_no_timer(loop: Loop) -> None:
    """Without a timer there is no moment to wait for."""
    assert loop.run_timers() is None


def test_a_socket_that_is_ready(loop: Loop) -> None:
    """The loop returns each event that is watched, until it is not watched any more."""
    seen: list[int] = []
    one, other = socket.socketpair()
    with one, other:
        loop.watch(one, WRITE, seen.append)
        ((callback, events),) = loop.poll(clock() + HOUR)
        callback(events)
        assert seen == [WRITE]
        loop.watch(one, READ, seen.append)
        assert loop.poll(clock()) == []
        other.send(b"x")
        assert loop.poll(clock() + HOUR) == [(seen.append, READ)]
        loop.watch(one, 0, seen.append)
        assert loop.poll(clock()) == []
        loop.watch(one, 0, seen.append)  # a second time, it is not known any more


def test_it_waits_no_longer_than_asked(loop: Loop) -> None:
    """`poll` returns after the moment, and not before it."""
    until = clock() + 2500
    assert loop.poll(until) == []
    assert clock() >= until
