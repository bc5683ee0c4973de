"""A server as a child process: started, measured, and always stopped."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

START_PATIENCE = 20.0
"""Seconds until the server must have said where it listens."""

STOP_PATIENCE = 10.0
"""Seconds from the request to stop until the server is killed."""

_listening = re.compile(r"listening on tcp://127\.0\.0\.1:(\d+)")


class ServerFailedError(Exception):
    """The server did not start; the text holds what it wrote to stderr."""


@dataclass(frozen=True)
class ServerProcess:
    """A running server: where it listens, and its process."""

    address: tuple[str, int]
    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time that all its threads have used, in user mode and kernel."""
        # Behind the command's name, which may hold spaces: fields 14 and 15 of proc(5).
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Return how much memory it holds."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def running_server(module: str, arguments: Sequence[str] = ()) -> Iterator[ServerProcess]:
    """Run `python -m MODULE` on a free port, with an empty data folder, while the block runs.

    Raises:
        ServerFailedError: it ended, or did not listen in time.
    """
    with tempfile.TemporaryDirectory(prefix="backchannel-bench-") as folder:
        log = Path(folder, "stderr")
        command = [sys.executable, "-m", module, "--host", "127.0.0.1", "--port", "0"]
        command += ["--data", str(Path(folder, "data")), *arguments]
        with log.open("w") as stderr:
            # A session of its own: Ctrl-C reaches the benchmark alone, which then stops it.
            child = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True
            )
        try:
            port = _read_port(child)
            if port is None:
                raise ServerFailedError(f"{module} does not run:\n{log.read_text().strip()}")
            yield ServerProcess(("127.0.0.1", port), child.pid)
        finally:
            _stop(child)


def _read_port(child: subprocess.Popen[str]) -> int | None:
    """The port that the child prints, or None if it ends or takes too long."""
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
