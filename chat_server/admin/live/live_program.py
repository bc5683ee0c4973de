"""`chat-server --live`: look at the server of a data folder; where none runs, run one and look.

The server is another process than this one: drawing takes the interpreter for milliseconds, ten
times a second, which would hold up everybody.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from chat_server.admin import messages
from chat_server.admin.ask import ask, is_running
from chat_server.admin.live.live_keys import DOWN, UP, LiveKeys
from chat_server.admin.live.live_screen import member_key, picture, plain_line
from chat_server.admin.messages import LivePart
from chat_server.admin.show import one_line
from chat_server.runtime.errors import AdminError

PERIOD = 0.1
"""Seconds from one look to the next on a terminal."""

PLAIN_PERIOD = 1.0
"""The same where lines are printed."""

TOLD = 5.0
"""Seconds for which what was done stays on the screen."""

FAILED = 1

_ACTS: dict[str, messages.How] = {"s": "suspend", "d": "delay", "r": "release", "c": "cut"}


def run(arguments: Sequence[str], data: Path) -> int:
    """Look at a server until the user leaves or it ends. Return the exit code.

    Args:
        arguments: those of the server, for where it has to be started.
        data: its data folder.
    """
    leaving = threading.Event()
    with ExitStack() as opened:
        own = None if is_running(data) else opened.enter_context(_started(arguments))
        opened.enter_context(_signals(leaving, own))
        try:
            return _Viewer(data, own, leaving).run()
        except AdminError as error:
            print(f"chat-server: {error}", file=sys.stderr)
            return FAILED


class _Own:
    """A server that was started here, and what it says."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "chat_server", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C is this program's to pass on, once
        )
        assert self.child.stdout is not None
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._reader = threading.Thread(
            target=self._read, args=(self.child.stdout,), name="server output", daemon=True
        )
        self._reader.start()

    def said(self) -> Iterator[str]:
        """What it has said since the last call."""
        try:
            while True:
                yield self._lines.get_nowait()
        except Empty:
            return

    def wait(self) -> int:
        """Wait for its end. Return its exit code."""
        code = self.child.wait()
        self._reader.join()
        return code

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._lines.put(line.decode("utf-8", "replace").rstrip("\n"))


@contextmanager
def _started(arguments: Sequence[str]) -> Iterator[_Own]:
    """Run a server while the block runs, and leave none behind, whatever ends the block."""
    own = _Own(arguments)
    try:
        yield own
    finally:
        if own.child.poll() is None:
            own.child.terminate()
            own.wait()


@contextmanager
def _signals(leaving: threading.Event, own: _Own | None) -> Iterator[None]:
    """Leave on a signal, while the block runs: Ctrl-C, SIGTERM, a terminal that is closed.

    The second one ends a server that was started here at once, as it does without a view.
    """

    def leave(*_: object) -> None:
        if leaving.is_set() and own is not None:
            own.child.terminate()
        leaving.set()

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.signal(each, leave) for each in wanted}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class _Viewer:
    """Asks, and shows the answer."""

    def __init__(self, data: Path, own: _Own | None, leaving: threading.Event) -> None:
        """
        Args:
            data: the server's data folder.
            own: the server, if it was started here.
            leaving: set when the user wants to leave.
        """
        self._data = data
        self._own = own
        self._leaving = leaving
        self._console = Console(highlight=False)
        self._chosen = ""
        self._told = ""
        self._told_until = 0.0
        self._part: LivePart | None = None

    def run(self) -> int:
        """Show the server until the user leaves, or it ends. Return the exit code.

        Raises:
            AdminError: a server that was not started here does not answer any more.
        """
        if not sys.stdout.isatty() or self._console.is_dumb_terminal:
            return self._print_lines()
        # Neither of rich's threads, and no redirection of the streams: this thread alone draws.
        with (
            LiveKeys() as keys,
            Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            ) as screen,
        ):
            due = time.monotonic()
            while (code := self._ended()) is None and not self._leaving.is_set():
                self._draw(screen)
                due = max(due + PERIOD, time.monotonic())
                pressed = keys.wait(due - time.monotonic())
                if pressed in ("q", "\x04"):
                    break
                self._act(pressed)
        return self._finish() if code is None else code

    def _finish(self) -> int:
        """End a server that was started here, as Ctrl-C does. Return the exit code."""
        if self._own is None:
            return 0
        if self._own.child.poll() is None:
            self._own.child.terminate()
        code = self._own.wait()
        self._print_said()
        return code

    def _print_lines(self) -> int:
        while (code := self._ended()) is None and not self._leaving.is_set():
            self._print_said()
            if self._look() and self._part is not None:
                print(plain_line(self._part.view), flush=True)
            self._leaving.wait(PLAIN_PERIOD)
        return self._finish() if code is None else code

    def _ended(self) -> int | None:
        """The exit code of a server that was started here and has ended."""
        if self._own is None or self._own.child.poll() is None:
            return None
        code = self._own.wait()
        self._print_said()
        return code

    def _print_said(self) -> None:
        for line in self._own.said() if self._own else ():
            self._console.print(Text(one_line(line)), soft_wrap=True)

    def _look(self) -> bool:
        """Ask the server; return whether it answered. One that is about to start does not yet."""
        try:
            for part in ask(self._data, messages.Live()):
                if isinstance(part, LivePart):
                    self._part = part
        except AdminError:
            if self._own is None:
                raise
            return False
        return True

    def _draw(self, screen: Live) -> None:
        self._print_said()
        if not self._look() or self._part is None:
            return
        # Not what COLUMNS says: that was true when somebody exported it.
        width, height = self._console.size = os.get_terminal_size(sys.stdout.fileno())
        told = self._told if time.monotonic() < self._told_until else ""
        screen.update(picture(self._part, self._chosen, told, width, height), refresh=True)

    # -- keys

    def _act(self, pressed: str) -> None:
        if self._part is None or not pressed:
            return
        if pressed in (UP, DOWN, "k", "j"):
            self._choose(-1 if pressed in (UP, "k") else 1)
        elif pressed in _ACTS:
            self._disturb(_ACTS[pressed])

    def _choose(self, step: int) -> None:
        assert self._part is not None
        keys = [member_key(each) for each in self._part.view.members]
        if not keys:
            return
        place = keys.index(self._chosen) + step if self._chosen in keys else 0
        self._chosen = keys[max(0, min(place, len(keys) - 1))]

    def _disturb(self, how: messages.How) -> None:
        assert self._part is not None
        nick = next(
            (each.nick for each in self._part.view.members if member_key(each) == self._chosen),
            None,
        )
        if nick is None:
            self._tell("choose a member with the arrows first")
            return
        try:
            for part in ask(self._data, messages.Disturb(nick, how)):
                if isinstance(part, messages.Done):
                    self._tell(part.text)
        except AdminError as error:
            self._tell(str(error))

    def _tell(self, text: str) -> None:
        self._told, self._told_until = text, time.monotonic() + TOLD
