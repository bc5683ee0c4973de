"""The stage of a lesson: one server, some clients, and an attack that plays with them.

The attack runs on a thread of its own; whoever shows it asks for snapshots.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from lab.stage.client import CLOSED, PATIENCE, READS, SUSPENDED, UNPLUGGED, Client, Readers
from lab.stage.errors import ServerError, Stopped
from lab.stage.server import HOST, LessonServer, Report
from protocol.common.descriptors import allow_descriptors

STRIP = 0.1
"""Seconds that one bar of the latency strip stands for."""

STALL = 2.0
"""Seconds after which a line that has not come back will not, on a machine that is not busy."""

_REPORTS_OF_STALL = 40
"""Reports of the server in that time, at least: about as many as on a machine that is not busy."""

_LONGEST = 20.0
"""Seconds after which it will not in any case: one call may keep the probe from reporting."""

_PAUSE = 0.2
"""Seconds between two looks at what the server does."""

_REPORTS = 3
"""Reports of the server after which it had the time to do what it can do: a tenth of a second."""

_SETTLES_WITHIN = 3.0

_BARS = 600
_STEPS = 200


class Verdict(msgspec.Struct, frozen=True):
    """What an attack found.

    Attributes:
        passed: whether the server withstood it.
        sentence: what happened.
        numbers: the numbers behind it, by their names.
    """

    passed: bool
    sentence: str
    numbers: dict[str, str] = {}


class Table(msgspec.Struct, frozen=True):
    """Measurements that are shown beside a lesson."""

    title: str
    headings: list[str]
    rows: list[list[str]]


class Row(msgspec.Struct, frozen=True):
    """A client in a snapshot.

    Attributes:
        name: its name.
        state: whether it reads, is suspended, unplugged or closed.
        said: how many lines it said.
        received: how many lines it received.
        unread: bytes that wait in the kernel on its side.
        unsent: bytes that wait in the kernel on the server's side.
        last: the newest line.
    """

    name: str
    state: str
    said: int
    received: int
    unread: int
    unsent: int
    last: str


class Snapshot(msgspec.Struct, frozen=True):
    """What there is to see at one moment.

    Attributes:
        at: seconds since the server started.
        steps: what the attack did so far, newest last.
        waits: whether the attack waits for the user to go on.
        clients: the clients.
        report: what the server does.
        strip: the longest latency in each tenth of a second, in milliseconds, newest last.
    """

    at: float
    steps: list[str]
    waits: bool
    clients: list[Row]
    report: Report
    strip: list[float]


class Stage:
    """A server and its clients. A context manager that leaves nothing behind.

    Attributes:
        file: the name of the server's source.
        server: the server.
    """

    def __init__(self, path: Path, *, step_by_step: bool = False) -> None:
        """
        Args:
            path: the server's source.
            step_by_step: wait before each step until `go_on` is called.
        """
        allow_descriptors()  # one for each connection, here and in the server
        self.file = path.name
        self.server = LessonServer(path)
        self.step_by_step = step_by_step
        self._readers = Readers()
        self._start = time.monotonic()
        self._lock = threading.Lock()  # guards what follows
        self._clients: list[Client] = []
        self._steps: deque[str] = deque(maxlen=_STEPS)
        self._due: dict[tuple[str, str], float] = {}  # when each text was said
        self._strip: deque[float] = deque(maxlen=_BARS)
        self._bar = 0
        self._going_on = threading.Event()
        self._waiting = False
        self._ended = threading.Event()

    def __enter__(self) -> "Stage":
        self._readers.__enter__()
        try:
            self.server.wait_until_listening()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()
        self.server.stop()
        self._readers.__exit__()

    # -- for the attack -----------------------------------------------------------------------

    def step(self, text: str) -> None:
        """Say what comes next, and wait for the user where they go step by step.

        Raises:
            Stopped: the user ended the lesson.
        """
        with self._lock:
            self._steps.append(text)
        if self.step_by_step and not self._ended.is_set():
            self._going_on.clear()
            self._waiting = True
            if not self._ended.is_set():  # or `stop` came before it was cleared
                self._going_on.wait()
            self._waiting = False
        if self._ended.is_set():
            raise Stopped

    def connect(self, name: str, *, buffer: int = 0, host: str = HOST) -> Client:
        """Connect a client, which says its name. It is not waited for the greeting.

        Args:
            name: the name.
            buffer: bytes that the kernel keeps for it, 0 for the usual.
            host: the server's address.

        Raises:
            ServerError: the server does not accept the connection.
        """
        if self._ended.is_set():
            raise Stopped
        client = Client(name, (host, self.server.port), self._readers, self._hear, buffer)
        with self._lock:
            self._clients.append(client)
        return client

    def connect_datagrams(self, name: str, *, port: int = 0) -> Client:
        """Make a client that speaks UDP. A datagram is a line.

        Args:
            name: the name, which it says in its first datagram.
            port: where it sends to, if not to the server.
        """
        address = (HOST, port or self.server.port)
        client = Client(name, address, self._readers, self._hear, datagrams=True)
        with self._lock:
            self._clients.append(client)
        return client

    def join(self, name: str, *, buffer: int = 0) -> Client:
        """Connect a client, and wait for its greeting.

        Raises:
            ServerError: there was none.
        """
        client = self.connect(name, buffer=buffer)
        if not client.is_welcome():
            raise ServerError(f"The server did not greet {name} within {PATIENCE:g} s.")
        return client

    def say(
        self, client: Client, text: str, within: float = PATIENCE, due: float | None = None
    ) -> bool:
        """Let a client say a text whose way is measured. Return whether the server took it.

        Args:
            client: who says it.
            text: a line.
            within: seconds.
            due: when it was to be said, on the monotonic clock; now if it is None.
        """
        if self._ended.is_set():
            raise Stopped
        with self._lock:
            self._due[client.name, text] = time.monotonic() if due is None else due
        return client.say(text, within)

    def holds(self, condition: Callable[[], bool], within: float = PATIENCE) -> bool:
        """Wait until something about the server holds. Return whether it does."""
        end = time.monotonic() + within
        while not condition():
            if time.monotonic() > end or self._ended.wait(0.02):
                return False
        return True

    def pause(self, seconds: float) -> None:
        """Wait, unless the user ends the lesson.

        Raises:
            Stopped: they did.
        """
        if self._ended.wait(seconds):
            raise Stopped

    def breathe(self) -> None:
        """Look whether the user has ended the lesson, amid a long loop.

        Raises:
            Stopped: they have.
        """
        self.pause(0)

    def comes(self, client: Client, condition: Callable[[], bool]) -> bool:
        """Wait for what a server sends at once, if it sends it at all.

        It has not come if there was nothing for some seconds in which the server's threads had the
        time to send it, however busy this machine is.

        Args:
            client: who is to receive it.
            condition: whether it has come.

        Returns:
            Whether it came.
        """
        seen, start = self.server.reports, time.monotonic()
        while not client.wait(condition, _PAUSE):
            if self._ended.is_set() or self.server.ended:
                return condition()
            waited = time.monotonic() - start
            idle = waited > STALL and self.server.reports >= seen + _REPORTS_OF_STALL
            if idle or waited > _LONGEST:
                return condition()
        return True

    def answers(self, client: Client, text: str) -> bool:
        """Wait until a client has back what it said. Return whether it came; see `comes`."""
        return self.comes(client, lambda: (client.name, text) in client.texts)

    def is_read(self, client: Client, within: float = _SETTLES_WITHIN) -> bool:
        """Wait until the server has read what a client sent. Return whether it has."""
        self._await_reports()
        return self.holds(lambda: self._on_its_way(client) == 0, within)

    def is_stuck(self, client: Client) -> bool:
        """Wait until a client that does not read gets no further byte. Return whether it is so."""
        before = -1
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self._await_reports()
            now = client.unread
            if now == before and now > 0:
                return True
            before = now
        return False

    def is_quiet(self, client: Client) -> bool:
        """Wait until nothing more comes to a client. Return whether it is so."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            before = client.bytes
            self._await_reports()
            if client.bytes == before:
                return True
        return False

    def fill(self, client: Client, most: int, size: int = 1000) -> int:
        """Let a client talk until its lines do not come back any more. Return how many came back.

        Args:
            client: says a line as soon as it has the one before it back.
            most: how many lines it says at most.
            size: characters of a line.
        """
        for number in range(1, most + 1):
            text = f"{number:>4} ".ljust(size, ".")
            self.say(client, text)
            if not self.answers(client, text):
                return number - 1
        return most

    def _on_its_way(self, client: Client) -> int:
        """Bytes of a client that the server has not read: in both kernels."""
        found = [each.waiting for each in self.server.report.sockets if each.peer == client.port]
        return client.unsent + (found[0] if found else 0)

    def _await_reports(self) -> None:
        """Wait until the server's threads had the time to do what they can do now."""
        seen = self.server.reports
        self.holds(lambda: self.server.reports >= seen + _REPORTS, _SETTLES_WITHIN)

    # -- for the user -------------------------------------------------------------------------

    @property
    def clients(self) -> list[Client]:
        """The clients, in the order in which they came."""
        with self._lock:
            return list(self._clients)

    def go_on(self) -> None:
        """Let the attack take its next step."""
        self._going_on.set()

    def stop(self) -> None:
        """End the attack at its next step, and what it waits for."""
        self._ended.set()
        self._going_on.set()
        for client in self.clients:
            client.give_up()

    def toggle(self, client: Client) -> None:
        """Suspend a client that reads, or resume one that does not."""
        if client.state == READS:
            client.suspend()
        elif client.state in (SUSPENDED, UNPLUGGED):
            client.resume()

    # -- for who shows it ---------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return what there is to see now. Called some ten times a second."""
        report = self.server.report
        unsent = {each.peer: each.out for each in report.sockets}
        rows = [self._row(client, unsent.get(client.port, 0)) for client in self.clients]
        with self._lock:
            self._fill_strip()
            return Snapshot(
                at=time.monotonic() - self._start,
                steps=list(self._steps),
                waits=self._waiting,
                clients=rows,
                report=report,
                strip=list(self._strip),
            )

    @staticmethod
    def _row(client: Client, unsent: int) -> Row:
        lines = client.lines
        return Row(
            name=client.name,
            state=CLOSED if client.ended else client.state,
            said=client.said,
            received=len(lines),
            unread=client.unread,
            unsent=unsent,
            last=lines[-1][:80] if lines else "",
        )

    def _fill_strip(self) -> None:
        """Add the bars up to now. What has not arrived yet counts with the time that it waits.

        With the lock held.
        """
        assert self._lock.locked()
        now = time.monotonic() - self._start
        oldest = min(self._due.values()) - self._start if self._due else now
        while self._bar < int(now / STRIP):
            self._strip.append(0.0)
            self._bar += 1
            waits = min(now, self._bar * STRIP) - oldest
            if waits > STRIP:
                self._strip[-1] = 1000 * waits

    def _hear(self, client: Client, line: str) -> None:
        """Note how long a text took, when its sender has it back. On the readers' thread."""
        name, colon, text = line.partition(": ")
        name = name.rpartition(" ")[2]
        if not colon or name != client.name:
            return
        with self._lock:
            due = self._due.pop((name, text), None)
            if due is not None:
                self._fill_strip()
                if self._strip:
                    latency = 1000 * (time.monotonic() - due)
                    self._strip[-1] = max(self._strip[-1], latency)
