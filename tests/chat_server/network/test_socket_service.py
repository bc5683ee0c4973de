"""One thread serves the visitors of a socket, and no visitor keeps it for long."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from chat_server.network.socket_service import VISIT_LIMIT, SocketService
from chat_server.runtime.timers import Timers
from tests.support.clock import ManualClock
from tests.support.waiting import DEADLINE, eventually


class Served:
    """A service that reads a line and sends it back, or fails when it is told to."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.timers = Timers(self.clock)
        self.visits = 0
        self.is_open = True
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self.address = sock.getsockname()
        self.service = SocketService("echo", sock, self._serve, self.timers)

    def stop(self) -> None:
        """Stop it, if the test has not."""
        if self.is_open:
            self.is_open = False
            self.service.stop()
            self.timers.stop()

    def _serve(self, visitor: socket.socket) -> None:
        self.visits += 1
        said = visitor.recv(100)
        if said == b"fail":
            raise ConnectionResetError
        visitor.sendall(said)

    @contextmanager
    def visit(self) -> Iterator[socket.socket]:
        """Connect, and say nothing yet."""
        with closing(socket.create_connection(self.address, DEADLINE)) as sock:
            yield sock

    def echo(self) -> bytes:
        """Say something, and return what comes back."""
        with self.visit() as sock:
            sock.sendall(b"tea?")
            return sock.recv(100)


@pytest.fixture
def served() -> Iterator[Served]:
    """A service that is open."""
    served = Served()
    served.timers.start()
    served.service.start()
    yield served
    served.stop()


def test_visitors_are_served_one_after_the_other(served: Served) -> None:
    """Whoever comes second waits, and is served when the first one has gone."""
    with served.visit() as first, served.visit() as second:
        eventually(lambda: served.visits == 1)
        second.sendall(b"second")
        first.sendall(b"first")
        assert first.recv(100) == b"first"
        assert second.recv(100) == b"second"
    assert served.visits == 2


def test_who_says_nothing_is_cut_off(served: Served) -> None:
    """After the time that a visit may take; then the next one is served."""
    with served.visit() as silent:
        eventually(lambda: served.visits == 1)
        served.clock.advance(VISIT_LIMIT)
        served.timers.wake()
        assert silent.recv(100) == b""
    assert served.echo() == b"tea?"


def test_a_visitor_that_has_gone_disturbs_nobody(served: Served) -> None:
    """Whatever its socket then says."""
    with served.visit() as gone:
        gone.sendall(b"fail")
        assert gone.recv(100) == b""
    assert served.echo() == b"tea?"


def test_a_stop_waits_for_no_visitor(served: Served) -> None:
    """Who is being served is cut off, who waits gets nothing, and nobody can come any more."""
    with served.visit() as served_now, served.visit() as waits:
        eventually(lambda: served.visits == 1)
        served.stop()
        assert served_now.recv(100) == b""
        with pytest.raises(ConnectionResetError):
            waits.recv(100)
    assert "echo" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(served.address, DEADLINE)


def test_a_desk_that_was_never_started_is_closed(served: Served) -> None:
    """Also twice: a start that fails closes what there is."""
    other = Served()
    other.service.close()
    other.service.close()
    assert served.echo() == b"tea?"
