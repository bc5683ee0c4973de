"""`chat-lab` as a process of its own, with Ctrl-C and signals."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import ENVIRONMENT, ROOT
from tests.support.waiting import eventually


class LabProcess:
    """A running `chat-lab`, and what it has printed."""

    def __init__(self, *arguments: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "lab", *arguments],
            cwd=ROOT,
            env={**ENVIRONMENT, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self._lock = threading.Lock()  # guards _printed
        self._printed = ""
        self._thread = threading.Thread(target=self._read, name="lab output")
        self._thread.start()

    @property
    def printed(self) -> str:
        """What came so far."""
        with self._lock:
            return self._printed

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait until a text has been printed that often."""
        eventually(lambda: self.printed.count(text) >= count)

    def end(self, number: int) -> int:
        """Send a signal. Return the exit code."""
        self.child.send_signal(number)
        return self.child.wait(20)

    def close(self) -> None:
        """End it in any case."""
        self.child.kill()
        self.child.wait()
        self._thread.join()
        assert self.child.stdout is not None
        self.child.stdout.close()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            with self._lock:
                self._printed += line


@contextmanager
def running_lab(*arguments: str) -> Iterator[LabProcess]:
    """Run `chat-lab` while the block runs."""
    process = LabProcess(*arguments)
    try:
        yield process
    finally:
        process.close()


def processes_in(folder: Path) -> list[int]:
    """The processes whose working folder this is."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if Path(os.readlink(entry / "cwd")) == folder:
                    found.append(int(entry.name))
            except OSError:
                continue  # it has ended, or is somebody else's
    return found
