"""A lesson's server as a process of its own, and what it does while it runs."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import msgspec

from lab.stage.errors import ServerError
from lab.stage.ports import free_port

HOST = "127.0.0.1"

STARTS_WITHIN = 20.0
"""Seconds within which a server must listen, on a busy machine too."""

_STOPS_WITHIN = 5.0
"""Seconds within which a killed process is gone."""

_KEPT = 20_000
"""Characters that are kept of what a server prints."""

_PROBE = Path(__file__).with_name("probe.py")


class Thread(msgspec.Struct, frozen=True):
    """A thread of the server.

    Attributes:
        name: its name.
        state: what it waits for: `recv`, `send`, `accept`, `lock`, ...; or `runs`.
        text: the expression that it evaluates.
        line: where that stands in the server's source.
        holds: the locks that it holds.
        waits: the lock that it waits for, None if it does not.
    """

    name: str
    state: str
    text: str = ""
    line: int = 0
    holds: list[str] = []
    waits: str | None = None


class Connection(msgspec.Struct, frozen=True, rename={"waiting": "in"}):
    """A connection of the server: the peer's port, and bytes that wait in the kernel."""

    peer: int
    out: int
    waiting: int


class Report(msgspec.Struct, frozen=True):
    """What the server did at one moment.

    Attributes:
        threads: some of its threads, the oldest.
        count: how many there are.
        values: its global numbers, and the lengths of its global collections.
        listening: the ports that it listens on.
        sockets: its connections.
        memory: bytes that it has resident, 0 if that is not known.
    """

    threads: list[Thread] = []
    count: int = 0
    values: dict[str, int] = {}
    listening: list[int] = []
    sockets: list[Connection] = []
    memory: int = 0


class LessonServer:
    """A server that runs. A context manager that leaves no process behind.

    Attributes:
        port: where it listens.
        report: the newest report.
        reports: how many reports there were.
        most_memory: the most bytes that a report had.
    """

    def __init__(self, path: Path) -> None:
        """
        Args:
            path: its source.

        Raises:
            ServerError: it could not be started.
        """
        self.port = free_port()
        self.report = Report()
        self.reports = 0
        self.most_memory = 0
        self._said: list[str] = []
        reading, writing = os.pipe()
        command = [sys.executable, str(_PROBE), str(writing), str(path), str(self.port)]
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
                start_new_session=True,  # so that all that it starts ends with it
            )
        except OSError as error:
            os.close(reading)
            raise ServerError(f"{sys.executable} cannot be started: {error.strerror}") from None
        finally:
            os.close(writing)
        assert self._child.stdout is not None
        self._readers = [
            threading.Thread(
                target=self._read_reports, args=(os.fdopen(reading, "rb"),), name="lab-reports"
            ),
            threading.Thread(target=self._read_words, args=(self._child.stdout,), name="lab-words"),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> "LessonServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._code is not None

    @property
    def _code(self) -> int | None:
        """Its exit code, a signal's number as a negative one, or None while it runs.

        The process is not waited for before `stop`, so that nobody else has its number until then.
        """
        if self._child.returncode is not None or not hasattr(os, "waitid"):
            return self._child.poll()
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    @property
    def said(self) -> str:
        """What it printed, stdout and stderr together, from the end."""
        return "".join(self._said)[-_KEPT:]

    def wait_until_listening(self, within: float = STARTS_WITHIN) -> None:
        """Return as soon as the server listens on its port, for TCP or UDP.

        Raises:
            ServerError: it ended, or it does not listen.
        """
        end = time.monotonic() + within
        pause = threading.Event()
        while self.port not in self.report.listening:
            if self.ended:
                raise ServerError(f"The server ended with code {self._code}{self._last()}")
            if time.monotonic() > end:
                raise ServerError(
                    f"The server does not listen on port {self.port} after {within:g} s"
                    f"{self._last()}"
                )
            pause.wait(0.02)

    def _last(self) -> str:
        lines = self.said.strip().splitlines()
        return f". Its last words: {lines[-1]}" if lines else " and said nothing."

    def stop(self) -> None:
        """End it, and all that it started."""
        if self._child.returncode is None:  # else the number may be another one's by now
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait(_STOPS_WITHIN)
        for reader in self._readers:
            reader.join(_STOPS_WITHIN)

    def _read_reports(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self.report = msgspec.json.decode(line, type=Report)
                self.reports += 1
                self.most_memory = max(self.most_memory, self.report.memory)

    def _read_words(self, pipe: IO[bytes]) -> None:
        kept = 0
        with pipe:
            for line in pipe:
                text = line.decode(errors="replace")
                self._said.append(text)
                kept += len(text)
                while kept > _KEPT and len(self._said) > 1:
                    kept -= len(self._said.pop(0))
