"""A student's server as a child process: whatever it does, nothing of it is left running.

The server is code that nobody has tried yet. It may never end, ignore signals, print without end,
start other processes or open thousands of sockets. It gets a session of its own, a bound on its
open files, and a mark in its environment by which its descendants are found on Linux.
"""

import contextlib
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

if sys.platform == "linux":
    import resource

MARK = "BACKCHANNEL_LAB_RUN"
"""The environment variable that marks a student's server and what it starts."""

FILE_LIMIT = 2048
"""How many files and sockets a student's server may have open, where the system can limit that."""

_OUTPUT_KEPT = 4096  # bytes, the last ones of what the server prints
_READ_SIZE = 65536
_KILL_PATIENCE = 5.0  # seconds from the first SIGKILL until we give up
_PAUSE = 0.01


class CannotStartError(Exception):
    """The command is no program that can be run. The text says why."""


def exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP end this program as `sys.exit` does, so that servers are killed."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


class StudentProcess:
    """One run of a student's server. Use it in a `with` statement: its end kills all of it."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Start the server.

        Args:
            command: the program and its arguments.
            folder: the folder in which it runs.

        Raises:
            CannotStartError: there is no such program, or it may not be run.
        """
        self._mark = secrets.token_hex(16)
        environment = {**os.environ, MARK: self._mark, "PYTHONUNBUFFERED": "1"}
        try:
            # In a session of its own it does not get the Ctrl-C that is meant for the lab.
            self._child = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: a null byte in an argument
            reason = getattr(error, "strerror", None) or error
            raise CannotStartError(f'"{command[0]}" cannot be started ({reason})') from error
        assert self._child.stdout is not None
        self._output = _Output(self._child.stdout)
        self._limit_files()

    def __enter__(self) -> "StudentProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The number of the process that was started."""
        return self._child.pid

    @property
    def printed(self) -> str:
        """The end of what the server has printed, on both streams."""
        return self._output.text()

    def wait_for_end(self, seconds: float) -> str | None:
        """Wait for the end of the process that was started.

        Args:
            seconds: how long to wait; 0 looks once.

        Returns:
            How it ended, such as "ended with exit code 1"; None if it still runs.
        """
        try:
            code = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._output.finish_soon()
        if code >= 0:
            return f"ended with exit code {code}"
        names = {each.value: each.name for each in signal.Signals}
        return f"was ended by {names.get(-code, f'signal {-code}')}"

    def left_running(self) -> list[int]:
        """Return the processes of this run that still run. Descendants are found on Linux only."""
        found = marked_processes(self._mark, self._child.pid)
        if self._child.poll() is None and self._child.pid not in found:
            found.append(self._child.pid)
        return found

    def suspend(self) -> None:
        """Suspend the server and all that it has started, by SIGSTOP, until `resume`."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended server run on."""
        self._signal_all(signal.SIGCONT)

    def kill(self) -> None:
        """End the server and all that it has started, by SIGKILL."""
        give_up = time.monotonic() + _KILL_PATIENCE
        pause = threading.Event()
        self._signal_group(signal.SIGKILL)
        while self.left_running() and time.monotonic() < give_up:
            self._signal_all(signal.SIGKILL)
            pause.wait(_PAUSE)
        self._output.stop()

    def _signal_all(self, number: signal.Signals) -> None:
        self._signal_group(number)
        for pid in self.left_running():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _signal_group(self, number: signal.Signals) -> None:
        # Once the child has been waited for, its number may belong to somebody else.
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, number)

    def _limit_files(self) -> None:
        if sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):
                _, hard = resource.prlimit(self._child.pid, resource.RLIMIT_NOFILE)
                most = FILE_LIMIT if hard == resource.RLIM_INFINITY else min(hard, FILE_LIMIT)
                resource.prlimit(self._child.pid, resource.RLIMIT_NOFILE, (most, most))


class _Output:
    """Reads what the server prints to its end, and keeps the last of it.

    Its thread is ended by the end of the stream, or by `stop` where a process that
    escaped still holds the other end of the pipe.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()  # guards _kept
        self._kept = b""
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="student output")
        self._thread.start()

    def text(self) -> str:
        with self._lock:
            return self._kept.decode("utf-8", "backslashreplace")

    def finish_soon(self) -> None:
        """Give the thread a moment to read what an ended process has left in the pipe."""
        self._thread.join(0.2)

    def stop(self) -> None:
        self._wake.close()
        self._thread.join()
        self._woken.close()
        self._stream.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._stream, selectors.EVENT_READ)
            ready.register(self._woken, selectors.EVENT_READ)
            while True:
                streams = [key.fileobj for key, _ in ready.select()]
                if self._stream not in streams:
                    return  # woken by `stop`, and nothing is left to read
                data = os.read(self._stream.fileno(), _READ_SIZE)
                if not data:
                    return
                with self._lock:
                    self._kept = (self._kept + data)[-_OUTPUT_KEPT:]


def marked_processes(mark: str, session: int) -> list[int]:
    """Return the live processes that carry a mark or belong to a session; none without /proc.

    Args:
        mark: the value of `MARK` in their environment.
        session: the number of the session.
    """
    if sys.platform != "linux":
        return []
    variable = f"{MARK}={mark}".encode()
    return [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and _belongs(f"/proc/{name}", variable, session)
    ]


def _belongs(place: str, variable: bytes, session: int) -> bool:
    try:
        # Fields 3 and 6 of proc(5); field 2, in parentheses, may contain anything.
        fields = _content(f"{place}/stat").rpartition(b")")[2].split()
        if fields[0] in b"ZX":
            return False  # dead, and only not waited for
        return int(fields[3]) == session or variable in _content(f"{place}/environ").split(b"\0")
    except (OSError, IndexError):
        return False  # it ended meanwhile, or belongs to somebody else


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
