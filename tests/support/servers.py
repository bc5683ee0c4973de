"""Real servers for tests: one inside this process, and the program itself as a child."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from chat_server.rooms import attendance
from chat_server.runtime.clock import SystemClock
from chat_server.runtime.config.settings import Settings
from chat_server.server import Server
from chat_server.storage import maintenance
from tests.support import engine, home
from tests.support.clock import ManualClock
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE, eventually

ROOT = Path(__file__).resolve().parents[2]

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("CHAT_")},
    **home.VARIABLES,
    "PYTHONDONTWRITEBYTECODE": "1",
}

# Root without any capability is bound by the same rules as everybody.
WITHOUT_PRIVILEGES = (
    ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--") if os.geteuid() == 0 else ()
)

_LISTENING = re.compile(r"^listening on (\S+)$", re.MULTILINE)


@contextmanager
def running_server(
    data: Path | None = None,
    clock: ManualClock | None = None,
    hasher: PasswordHasher | None = None,
    interval: float | None = None,
    **settings: Any,
) -> Iterator[Server]:
    """Run a server in this process, on a port that the system picks.

    Args:
        data: the data folder; a temporary one if it is not given.
        clock: its clock, if it is not to be the real one.
        hasher: of passwords; one that costs nothing if it is not given.
        interval: seconds between two rounds of deleting old things and of writing up who is there;
            as always if it is not given.
        settings: what differs from the defaults. Requests are not limited unless said, and the
            server is found by its address alone.
    """
    with tempfile.TemporaryDirectory() as folder, _rounds_every(interval):
        where = data or Path(folder)
        chosen = {
            "hosts": ("127.0.0.1",),
            "port": 0,
            "data": where,
            "log": engine.log_of(where),
            "requests_per_second": None,
            "announce": False,
            **settings,
        }
        cheap = hasher or PasswordHasher.from_parameters(CHEAPEST)
        server = Server(Settings(**chosen), clock=clock or SystemClock(), hasher=cheap)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _rounds_every(interval: float | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if interval is not None:
            patch.setattr(maintenance, "PRUNE_INTERVAL", interval)
            patch.setattr(attendance, "KNOWN_INTERVAL", interval)
        yield


def address_of(server: Server) -> str:
    """Where the first listener of `server` listens."""
    return str(server.addresses[0])


def can_be_unprivileged() -> bool:
    """Whether a child can be started that has no privileges."""
    if not WITHOUT_PRIVILEGES:
        return True
    if shutil.which(WITHOUT_PRIVILEGES[0]) is None:
        return False
    return subprocess.run([*WITHOUT_PRIVILEGES, "true"], stderr=subprocess.DEVNULL).returncode == 0


class _Capture:
    """Reads one of a child's streams to its end."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()  # guards _text
        self._text = ""
        self._thread = threading.Thread(target=self._run, name="capture")
        self._thread.start()

    @property
    def text(self) -> str:
        """What came so far."""
        with self._lock:
            return self._text

    def finish(self) -> None:
        """Wait for the end of the stream."""
        self._thread.join(DEADLINE)
        self._stream.close()

    def _run(self) -> None:
        for line in self._stream:
            with self._lock:
                self._text += line


class ServerProcess:
    """The program as a user starts it. A context manager that leaves nothing behind.

    Attributes:
        arguments: what it was started with.
        addresses: where it says that it listens.
        returncode: how it ended, None while it runs.
    """

    def __init__(
        self,
        *arguments: str | Path,
        unprivileged: bool = False,
        environment: Mapping[str, str] | None = None,
        through: Sequence[str] = (),
        stderr: int = subprocess.PIPE,
    ) -> None:
        """Start it.

        Args:
            arguments: of the program.
            through: a command that runs it.
            stderr: the descriptor that it logs to, if `stderr` is not to have that.
            environment: what its environment has besides.
            unprivileged: take from root what others do not have. The interpreter may be where
                only root can read, so that another user could not even start it.
        """
        prefix = WITHOUT_PRIVILEGES if unprivileged else ()
        self.arguments: Sequence[str] = [str(argument) for argument in arguments]
        log = engine.options_of(self.arguments)
        self._child = subprocess.Popen(
            [*through, *prefix, sys.executable, "-m", "chat_server", *self.arguments, *log],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
            env={**ENVIRONMENT, **(environment or {})},
        )
        assert self._child.stdout is not None
        self._stdout = _Capture(self._child.stdout)
        self._stderr = _Capture(self._child.stderr) if self._child.stderr else None

    @classmethod
    def serve(cls, data: Path, *more: str | Path, port: int = 0, host: str = "127.0.0.1") -> Self:
        """Start a server on one host, for a load test, and wait until it listens.

        Without `port` it has one that nobody else takes while it is down.
        """
        where = ("--host", host, "--port", str(port or free_port()))
        server = cls(*where, "--data", data, "--no-limits", *more)
        try:
            server.wait_until_listening()
        except BaseException:
            server.close()
            raise
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def stdout(self) -> str:
        """What it wrote to its standard output so far."""
        return self._stdout.text

    @property
    def secret(self) -> str:
        """The owner's secret, which it prints last of what it says at its first start."""
        found = eventually(lambda: re.search(r"/claim (\S+)\n", self.stdout))
        assert found is not None
        return found[1]

    @property
    def stderr(self) -> str:
        """What it wrote to its standard error so far."""
        return self._stderr.text if self._stderr else ""

    @property
    def returncode(self) -> int | None:
        """How it ended, or None."""
        return self._child.poll()

    @property
    def addresses(self) -> list[str]:
        """Where it says that it listens."""
        return _LISTENING.findall(self.stdout)

    @property
    def address(self) -> str:
        """The first of `addresses`."""
        return self.addresses[0]

    @property
    def port(self) -> int:
        """The port in `address`."""
        return int(self.address.rpartition(":")[2])

    def wait_until_listening(self, count: int = 1) -> list[str]:
        """Wait for `count` listeners and return their addresses."""

        def ready() -> bool:
            assert self.returncode is None, f"it ended with {self.returncode}: {self.stderr}"
            return len(self.addresses) >= count

        eventually(ready)
        return self.addresses

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._child.kill()
        self.wait()

    def pause(self) -> None:
        """SIGSTOP, as of a machine that stands still."""
        self._child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._child.send_signal(signal.SIGCONT)

    def interrupt(self) -> None:
        """SIGINT, as Ctrl-C sends."""
        self._child.send_signal(signal.SIGINT)

    def hang_up(self) -> None:
        """SIGHUP, as who wants the settings to be read again sends."""
        self._child.send_signal(signal.SIGHUP)

    def terminate(self) -> None:
        """SIGTERM, as a service manager sends."""
        self._child.terminate()

    def wait(self, within: float = DEADLINE) -> int:
        """Wait for the end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        code = self._child.wait(within)
        self._stdout.finish()
        if self._stderr:
            self._stderr.finish()
        return code

    def close(self) -> None:
        """Kill it if it still runs."""
        if self.returncode is None:
            self._child.kill()
        self.wait()

    def restarted(self) -> "ServerProcess":
        """Start the program again on the same data and the same port, and wait for it.

        The first must have ended.
        """
        arguments = list(self.arguments)
        arguments[arguments.index("--port") + 1] = str(self.port)
        again = ServerProcess(*arguments)
        try:
            again.wait_until_listening()
        except BaseException:
            again.close()
            raise
        return again
