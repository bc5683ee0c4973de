"""The client as a user starts it: through pipes, and on a terminal that a test can read."""

import os
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, cast

import pexpect
import pyte

from tests.support import home
from tests.support.servers import ROOT
from tests.support.terminals import end
from tests.support.waiting import DEADLINE, Result, eventually

COMMAND = [sys.executable, "-m", "chat_client"]
# As does what is set, how large a terminal is to be taken for: a process that pytest-xdist starts
# inherits that from readline.
_NOT_OURS = ("CHAT_", "COLUMNS", "LINES")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)},
    **home.VARIABLES,
    "PAGER": "cat",
    "PROMPT_TOOLKIT_NO_CPR": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "TERM": "xterm-256color",
}


def run(
    *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the client to its end with `stdin` piped in."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env={**ENVIRONMENT, **(environment or {})},
        timeout=DEADLINE * 3,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def start(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start the client with all three streams piped, and unbuffered."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=ROOT,
        env={**ENVIRONMENT, **(environment or {})},
    )


class Terminal:
    """The client in a pseudo-terminal, and what its screen shows. A context manager."""

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        command: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it.

        Args:
            arguments: the client's.
            columns: cells in a line.
            rows: lines on the screen.
            command: Python to run instead of the client's module.
            environment: what its environment has besides.
        """
        program = ["-c", command] if command else COMMAND[1:]
        self._screen = pyte.HistoryScreen(columns, rows, history=5000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self._output = b""
        self.child = pexpect.spawn(
            COMMAND[0],
            [*program, *arguments],
            dimensions=(rows, columns),
            cwd=str(ROOT),
            env={**ENVIRONMENT, **(environment or {})},
            timeout=DEADLINE,
            echo=True,
        )
        self.child.delaybeforesend = None
        self._reads_keys = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end(self.child)

    def type(self, keys: str) -> None:
        """Press keys; `\\r` is Enter. The first wait until they are the client's to read.

        Until then the terminal acts on them: it echoes, edits its own line, eats what Ctrl-U eats.
        The client shows what was said before, and only then begins to read.
        """
        if not self._reads_keys:
            eventually(lambda: not self.local_modes & termios.ECHO)
            self._reads_keys = True
        self.child.send(keys)

    @property
    def output(self) -> bytes:
        """All that the client wrote, as it wrote it."""
        self._read()
        return self._output

    @property
    def local_modes(self) -> int:
        """The terminal's `c_lflag`: ECHO, ICANON, ISIG and so on."""
        modes: int = termios.tcgetattr(self.child.child_fd)[3]
        return modes

    def enter(self, line: str) -> None:
        """Type a line and press Enter."""
        self.type(line + "\r")

    @property
    def shown(self) -> list[str]:
        """All lines above the input line, scrolled away or not, and the input line."""
        self._read()
        scrolled = [
            "".join(row[column].data for column in range(self._screen.columns)).rstrip()
            for row in self._screen.history.top
        ]
        visible = [line.rstrip() for line in self._screen.display]
        return [line for line in [*scrolled, *visible] if line]

    @property
    def input_line(self) -> str:
        """The line with the cursor."""
        self._read()
        line: str = self._screen.display[self._screen.cursor.y]
        return line.rstrip()

    @property
    def status(self) -> str:
        """The last line of the screen."""
        return self.shown[-1] if self.shown else ""

    @property
    def screen(self) -> Any:
        """What the terminal shows, as `pyte` has it, with the colours."""
        self._read()
        return self._screen

    @property
    def cursor(self) -> int:
        """The column of the cursor."""
        self._read()
        column: int = self._screen.cursor.x
        return column

    def see(self, text: str) -> str:
        """Wait until a line holds `text`, and return it without its time of day."""
        found = self._wait(lambda: next((line for line in self.shown if text in line), ""), text)
        return found[6:] if found[:2].isdigit() else found

    def see_status(self, text: str) -> None:
        """Wait until the status line holds `text`."""
        self._wait(lambda: text in self.status, text)

    def see_wrapped(self, text: str) -> None:
        """Wait until the screen holds `text`, on however many lines."""
        wanted = text.replace(" ", "")
        self._wait(lambda: wanted in "".join(self.shown).replace(" ", ""), text)

    def see_input(self, text: str) -> None:
        """Wait until the input line is `text`."""
        self._wait(lambda: self.input_line == text, text)

    def _wait(self, condition: Callable[[], Result], wanted: str) -> Result:
        """As `eventually`; a failure says what the screen shows instead."""
        try:
            return eventually(condition)
        except AssertionError:
            alive = "runs" if self.child.isalive() else "has ended"
            screen = "\n".join(self.shown)
            message = f"no {wanted!r} on the screen; the client {alive}:\n{screen}"
            raise AssertionError(message) from None

    def leave(self) -> int:
        """Wait for the end and return the exit code."""

        def ended() -> bool:
            self._read()
            return not self.child.isalive()

        eventually(ended)
        self._read()
        code: int = self.child.exitstatus if self.child.exitstatus is not None else -1
        return code

    def _read(self) -> None:
        while True:
            try:
                data = cast(bytes, self.child.read_nonblocking(65536, timeout=0))
            except (pexpect.TIMEOUT, pexpect.EOF):
                return
            self._output += data
            self._stream.feed(data)
