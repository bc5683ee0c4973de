"""The server as a child process that is killed and started again, on the same data and port.

It has a process group of its own, so that Ctrl-C reaches the harness alone, and runs in a folder
where no other code lies, so that PYTHONPATH decides whose server is tortured. What all of its
runs write goes to one file.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.servers import ROOT
from tests.support.waiting import Deadline, eventually
from tests.torture.records import Stop

START_PATIENCE = 60.0
"""Seconds until a server must listen. Generous: others may be using the machine."""

STOP_PATIENCE = 30.0
"""Seconds after which a server that was asked to stop is killed. The checker allows it less."""

# Below what the system picks for connections that go out, one of which could take the port while
# the server is dead.
_PORTS = range(20_000, 30_000)

_places = iter(range(len(_PORTS)))
"""How many of the ports were tried so far."""

_LISTENING = re.compile(rb"^listening on tcp://", re.MULTILINE)
_AWAY = 1
"""The exit code of a start without Redis."""

_POLL = 0.02


class ServerDied(Exception):
    """The server ended, or did not begin, and nobody had asked it to."""


class Server:
    """One data folder and one port, and the process that serves them, if any.

    Attributes:
        address: where it listens whenever it runs.
        data: its data folder.
        log: what its runs have written to stderr.
        engine: where it keeps the rooms' logs, as `--log` takes it; "" for the data folder.
    """

    def __init__(self, folder: Path, workers: int = 1, keep: int | None = None) -> None:
        """Choose the places in `folder`; nothing is started.

        Args:
            folder: for the data, and what is logged; it is made if need be.
            workers: how many threads deliver.
            keep: how many messages of each room are kept; None for all.
        """
        folder.mkdir(exist_ok=True)
        self._workers = workers
        self._keep = keep
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.engine = ""
        self._stdout = folder / "stdout"
        self._nowhere = folder / "nowhere"
        self._nowhere.mkdir()
        self._port = _free_port()
        self.address = f"tcp://127.0.0.1:{self._port}"
        # Guards _child: whoever starts, kills or stops holds it, so that nobody else does.
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def launch(self) -> None:
        """Start the process, and do not wait until it listens."""
        command = [sys.executable, "-m", "chat_server", "--host", "127.0.0.1"]
        command += ["--port", str(self._port), "--data", str(self.data)]
        command += ["--delivery-workers", str(self._workers)]
        if self._keep is not None:
            command += ["--keep", str(self._keep)]
        command += ["--log", self.engine] if self.engine else []
        path = [part for part in (os.environ.get("PYTHONPATH"), str(ROOT)) if part]
        environment = {
            # What the user has set is not to be tested.
            **{name: value for name, value in os.environ.items() if not name.startswith("CHAT_")},
            "XDG_CONFIG_HOME": str(self._nowhere),
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONFAULTHANDLER": "1",
        }
        with self._lock, self.log.open("ab") as log, self._stdout.open("wb") as stdout:
            self._child = subprocess.Popen(
                command,
                cwd=self._nowhere,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_listening(self) -> None:
        """Wait until clients can connect.

        Raises:
            ServerDied: it ended instead, or does not listen.
        """
        try:
            eventually(self._listens, START_PATIENCE)
        except AssertionError:
            raise ServerDied(f"does not listen after {START_PATIENCE:g} s") from None

    def start(self) -> None:
        """Start the process and wait until clients can connect.

        Where Redis is away meanwhile, it is started again, as a service manager does.
        """
        deadline = Deadline(START_PATIENCE)
        while True:
            self.launch()
            try:
                self.wait_until_listening()
            except ServerDied:
                if not (self.engine and deadline.left and self._was_without_redis()):
                    raise
            else:
                return

    def _was_without_redis(self) -> bool:
        with self._lock:
            return self._child is not None and self._child.poll() == _AWAY

    def check(self) -> None:
        """See that it runs.

        Raises:
            ServerDied: it does not.
        """
        with self._lock:
            code = None if self._child is None else self._child.poll()
        if code is not None:
            raise ServerDied(f"ended by itself with {code}")

    def kill(self) -> bool:
        """SIGKILL, and wait until it is gone. Return whether it ran until then."""
        with self._lock:
            child, self._child = self._child, None
            if child is None:
                return False
            running = child.poll() is None
            child.kill()
            child.wait()
            return running

    def stand_still(self) -> None:
        """SIGSTOP, until `go_on`. It must run."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, signum: signal.Signals) -> None:
        with self._lock:
            if self._child is not None:
                self._child.send_signal(signum)

    def stop(self, signum: signal.Signals) -> Stop:
        """Ask it to stop, and return how it did."""
        with self._lock:
            child, self._child = self._child, None
        assert child is not None, "it does not run"
        begin = time.monotonic()
        child.send_signal(signum)
        try:
            code: int | None = child.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            code = None
            child.kill()
            child.wait()
        return Stop(signum.name, code, time.monotonic() - begin)

    def _listens(self) -> bool:
        self.check()
        return bool(_LISTENING.search(self._stdout.read_bytes()))


def _free_port() -> int:
    """A port that nobody has, and that was not given before."""
    offset = os.getpid() % len(_PORTS)
    for place in _places:
        port = _PORTS[(offset + place) % len(_PORTS)]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerDied("there is no free port for it")
