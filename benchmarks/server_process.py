"""A server as a child process, which is measured, and stopped in any case."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

START_PATIENCE = 20.0
"""Seconds until the server must have printed where it listens."""

STOP_PATIENCE = 10.0
"""Seconds from SIGTERM until the server is killed."""

_listening = re.compile(r"listening on (?:tcp|tls)://127\.0\.0\.1:(\d+)")


class ServerFailedError(Exception):
    """The server did not start. The text contains what it wrote to stderr."""


class Measured(Protocol):
    """What a generator asks of a server, or of several."""

    def address_of(self, client: int) -> tuple[str, int]:
        """Return where a client connects, by its number from 0."""
        ...

    def cpu_seconds(self) -> float:
        """Return the seconds of processor time that were used, in user mode and kernel."""
        ...

    def engine_cpu_seconds(self) -> float:
        """Return those of the log engine, if it is another process."""
        ...

    def resident_bytes(self) -> int:
        """Return the resident memory."""
        ...


@dataclass(frozen=True)
class ServerProcess:
    """A running server.

    Attributes:
        address: where it listens.
        child: its process.
        log: the file that its stderr goes to.
    """

    address: tuple[str, int]
    child: subprocess.Popen[str]
    log: Path

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self.child.pid

    def address_of(self, _client: int) -> tuple[str, int]:
        """Return where a client connects: all of them at the same place."""
        return self.address

    def engine_cpu_seconds(self) -> float:
        """Return the processor time of the log engine, which is part of this process: none."""
        return 0.0

    def cpu_seconds(self) -> float:
        """Return the seconds of processor time that it has used, in user mode and kernel."""
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self) -> int:
        """Return how many threads it has."""
        return int(self._stat()[17])

    def resident_bytes(self) -> int:
        """Return its resident memory."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def forget_peak(self) -> None:
        """Reset the peak of its resident memory."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_resident_bytes(self) -> int:
        """Return the peak of its resident memory since `forget_peak`."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def interrupt(self) -> None:
        """Send SIGINT, as Ctrl-C does."""
        self.child.send_signal(signal.SIGINT)

    def exit_code(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self.child.poll()

    def wait_for_exit(self, seconds: float) -> int | None:
        """Wait for the server to end. Return its exit code, or None if it still runs."""
        # Popen.wait looks less and less often, which would be in the figure.
        until = time.monotonic() + seconds
        while self.exit_code() is None and time.monotonic() < until:
            time.sleep(0.005)
        return self.exit_code()

    def tracebacks(self) -> int:
        """Return how many tracebacks its log has."""
        with self.log.open(errors="replace") as lines:
            return sum(line.startswith("Traceback") for line in lines)

    def _stat(self) -> list[str]:
        """The fields of /proc/PID/stat from field 3 on (proc(5))."""
        # Field 2, the command's name in parentheses, may contain spaces.
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()


@dataclass(frozen=True)
class ServerGroup:
    """Servers that share the clients, each of them as many as the others.

    Attributes:
        servers: these.
        engine: the process of the log engine that they share, if there is one.
    """

    servers: Sequence[ServerProcess]
    engine: ServerProcess | None

    def address_of(self, client: int) -> tuple[str, int]:
        """Return where a client connects, by its number from 0: at each server in turn."""
        return self.servers[client % len(self.servers)].address

    def cpu_seconds(self) -> float:
        """Return the seconds of processor time that the servers have used."""
        return sum(server.cpu_seconds() for server in self.servers)

    def engine_cpu_seconds(self) -> float:
        """Return the processor time of the log engine; 0 where it is part of the servers."""
        return self.engine.cpu_seconds() if self.engine else 0.0

    def resident_bytes(self) -> int:
        """Return the resident memory of the servers."""
        return sum(server.resident_bytes() for server in self.servers)


@contextlib.contextmanager
def running_server(module: str, arguments: Sequence[str] = ()) -> Iterator[ServerProcess]:
    """Run `python -m MODULE` on a free port, with an empty data folder, while the block runs.

    Raises:
        ServerFailedError: the server ended, or did not listen in time.
    """
    with tempfile.TemporaryDirectory(prefix="backchannel-bench-") as folder:
        log = Path(folder, "stderr")
        command = [sys.executable, "-m", module, "--host", "127.0.0.1", "--port", "0"]
        command += ["--data", str(Path(folder, "data")), *arguments]
        # The user's settings must not change what is measured.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CHAT_")}
        environment["XDG_CONFIG_HOME"] = folder
        with log.open("w") as stderr:
            # In a session of its own Ctrl-C does not reach the server: the benchmark stops it.
            child = subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        try:
            port = _read_port(child)
            if port is None:
                raise ServerFailedError(f"{module} does not run:\n{log.read_text().strip()}")
            yield ServerProcess(("127.0.0.1", port), child, log)
        finally:
            _stop(child)


def _read_port(child: subprocess.Popen[str]) -> int | None:
    """Return the port that the child prints, None if it ends or takes too long."""

    assert child.stdout is not None
    watchdog = threading.Timer(START_PATIENCE, child.kill)
    watchdog.name = "server start watchdog"
    watchdog.start()
    try:
        for line in child.stdout:
            found = _listening.search(line)
            if found:
                return int(found[1])
    finally:
        watchdog.cancel()
        watchdog.join()
    return None


def _stop(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(STOP_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    assert child.stdout is not None
    child.stdout.close()
