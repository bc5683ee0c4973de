"""The server under test, as a check sees it, and what the check has found."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.exercises.peer import Clock, Peer, Wrong
from lab.exercises.process import StudentProcess
from lab.stage.ports import free_port

STARTING = "How your server is started"
"""The paragraph, which every README has, on what a check wants of a server's start."""

WHY = "Why it happens"
"""The paragraph, which every lesson has, on the lines that cause what is seen."""

_RUNNING = "a server that goes on running"
_ACCEPTING = "a server that goes on accepting clients"

_PAUSE = 0.02
_LAST_WORDS_PATIENCE = 1.0  # seconds: a process that has lost its sockets takes a moment to end


@dataclass(frozen=True)
class Limits:
    """How long a check waits, in seconds.

    Attributes:
        start: until the server listens.
        answer: for one answer.
        whole: for the whole check, without the start.
    """

    start: float = 15
    answer: float = 5
    whole: float = 60


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        passed: whether the server did all that was expected.
        sentence: if not: what happened, what was expected, and what to read.
        heading: if not: the paragraph of the README that the sentence names.
        paragraphs: the paragraphs of the README that the server has fulfilled.
        printed: the end of what the server printed.
    """

    passed: bool
    sentence: str = ""
    heading: str = ""
    paragraphs: Sequence[str] = field(default=())
    printed: str = ""


class Target:
    """A server under test and the clients of the check. Use it in a `with` statement.

    Attributes:
        port: the port on which the server is to listen.
        limits: how long the check waits.
        process: the server.
        ended: whether the check is over and the server is killed.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        limits: Limits,
        port: int | None = None,
        lesson: str = "",
    ) -> None:
        """Start the server.

        Args:
            command: the program and its arguments; each {port} in them becomes the port's number.
            folder: the folder in which it runs.
            limits: how long to wait for it.
            port: the port on which it is to listen; a free one if None.
            lesson: the lesson that sentences name, if any.

        Raises:
            CannotStartError: there is no such program.
        """
        self.port = free_port() if port is None else port
        self.limits = limits
        self._lesson = lesson
        self.ended = False
        self._until = time.monotonic() + limits.start
        self._clock: Clock | None = None
        self._peers: list[Peer] = []
        self._heading = STARTING
        self._fulfilled: list[str] = []
        words = [word.replace("{port}", str(self.port)) for word in command]
        self.process = StudentProcess(words, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for peer in self._peers:
            peer.close()
        self.process.kill()
        self.ended = True

    @property
    def clock(self) -> Clock:
        """The clock of the check. It starts with the first use, when the server listens."""
        if self._clock is None:
            self._clock = Clock(self.limits.answer, self.limits.whole)
        return self._clock

    @contextlib.contextmanager
    def paragraph(self, heading: str) -> Iterator[None]:
        """Name the paragraph of the README that the block is about."""
        self._heading = heading
        yield
        if heading not in self._fulfilled:
            self._fulfilled.append(heading)

    def connect(self, name: str = "the client", host: str | None = None) -> Peer:
        """Connect a client. The first one waits until the server listens.

        Args:
            name: what sentences call it.
            host: the address to connect to; any that the server listens on if None.

        Raises:
            Wrong: nobody listens.
        """
        return self.adopt(self._connected(host) if self._clock else self._first(host), name)

    def adopt(self, sock: socket.socket, name: str) -> Peer:
        """Return a connection as one of this check: its waits are limited, its end is ours.

        Args:
            sock: a connected socket.
            name: what sentences call this end of it.
        """
        peer = Peer(sock, name, self.clock)
        self._peers.append(peer)
        return peer

    def wait_for_start(self) -> Iterator[None]:
        """Yield every few milliseconds until the time for the start is over or the server ends.

        Raises:
            Wrong: the server has ended, or its time is over.
        """
        pause = threading.Event()
        while True:
            yield
            if ended := self.process.wait_for_end(0):
                raise Wrong(
                    f"your server {ended} before it listened on port {self.port}",
                    _RUNNING,
                    starting=True,
                )
            if time.monotonic() > self._until:
                raise Wrong(
                    f"nobody listens on port {self.port} of 127.0.0.1, "
                    f"{self.limits.start:.0f} s after your server was started",
                    "a server that listens on the port in its command line",
                    silent=True,
                    starting=True,
                )
            pause.wait(_PAUSE)

    def must_run(self) -> None:
        """Check at the end that the server still runs.

        Raises:
            Wrong: it has ended.
        """
        if ended := self.process.wait_for_end(0):
            raise Wrong(f"your server {ended} when its clients were done", _RUNNING)

    def passed(self) -> Outcome:
        """Return the outcome of a check that found nothing wrong."""
        return Outcome(True, paragraphs=tuple(self._fulfilled))

    def failed(self, wrong: Wrong) -> Outcome:
        """Return the outcome of a check that found something wrong."""
        happened = wrong.happened
        ended = self.process.wait_for_end(_LAST_WORDS_PATIENCE if wrong.closed else 0)
        if ended and ended not in happened:
            happened = f"{happened}, because your server {ended}"
        heading = STARTING if wrong.starting else self._heading
        lesson = (
            f', and "{WHY}" in the lesson {self._lesson}'
            if self._lesson and not wrong.starting
            else ""
        )
        sentence = (
            f"{happened[0].upper()}{happened[1:]}, but {wrong.expected} was expected: "
            f'read "{heading}" in README.md{lesson}.'
        )
        fulfilled = tuple(self._fulfilled)
        return Outcome(False, sentence, heading, fulfilled, self.process.printed)

    def _first(self, host: str | None) -> socket.socket:
        for _ in self.wait_for_start():
            with contextlib.suppress(OSError):
                return self._dial(host)
        raise AssertionError("wait_for_start ends by an exception")

    def _connected(self, host: str | None) -> socket.socket:
        try:
            return self._dial(host)
        except TimeoutError:
            raise Wrong(f"{_who(host)} could not connect in time", _ACCEPTING) from None
        except OSError:
            wanted = f"a server that listens at {host}, too," if host else _ACCEPTING
            raise Wrong(f"{_who(host)} was refused", wanted, closed=True) from None

    def _dial(self, host: str | None) -> socket.socket:
        """Connect over IPv4, or else over IPv6: "localhost" may be either."""
        try:
            return socket.create_connection((host or "127.0.0.1", self.port), self.limits.answer)
        except ConnectionRefusedError:
            if host is not None:
                raise
            return socket.create_connection(("::1", self.port), self.limits.answer)


def _who(host: str | None) -> str:
    return f"a client that connected to {host}" if host else "a client that connected"
