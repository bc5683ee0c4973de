"""`chat-lab` on a pseudo-terminal, and what its screen shows."""

import os
import sys
from types import TracebackType
from typing import Self, cast

import pexpect
import pyte

from tests.support.servers import ROOT
from tests.support.terminals import end
from tests.support.waiting import DEADLINE, eventually

COLUMNS, ROWS = 104, 40


class Screen:
    """A run of `chat-lab` in a terminal. A context manager that leaves nothing behind."""

    def __init__(self, *arguments: str, term: str = "xterm-256color", rows: int = ROWS) -> None:
        environment = {name: each for name, each in os.environ.items() if name != "NO_COLOR"}
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "lab", *arguments],
            cwd=str(ROOT),
            env={**environment, "TERM": term, "LC_ALL": "C.UTF-8"},
            dimensions=(rows, COLUMNS),
            timeout=DEADLINE,
        )
        self.screen = pyte.HistoryScreen(COLUMNS, rows, history=2000, ratio=0.001)
        self._stream = pyte.ByteStream(self.screen)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end(self.child)

    @property
    def shown(self) -> str:
        """What the terminal shows, with what has scrolled away above it."""
        self._read()
        above = [
            "".join(row[column].data for column in range(COLUMNS))
            for row in self.screen.history.top
        ]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display])

    def see(self, text: str, within: float = DEADLINE) -> None:
        """Wait until the terminal shows a text."""
        eventually(lambda: text in self.shown, within)

    def press(self, keys: str) -> None:
        """Type keys."""
        self.child.send(keys)

    def leave(self, within: float = DEADLINE) -> int:
        """Wait for the end and return the exit code."""

        def ended() -> bool:
            self._read()
            return not self.child.isalive()

        eventually(ended, within)
        self._read()
        return int(self.child.exitstatus or 0)

    def _read(self) -> None:
        while True:
            try:
                data = cast(bytes, self.child.read_nonblocking(65536, timeout=0))
                self._stream.feed(data.replace(b"\x1b[2m", b"\x1b[90m"))  # pyte knows no faint text
            except (pexpect.TIMEOUT, pexpect.EOF):
                return
