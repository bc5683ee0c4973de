"""The keyboard under a picture: read key by key, without an echo."""

import os
import re
import select
import sys
import termios
import tty
from contextlib import suppress
from typing import Self

UP, DOWN = "\x1b[A", "\x1b[B"

_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|.", re.DOTALL)


class LiveKeys:
    """The keyboard of the terminal that is the standard input, if it is one. A context manager.

    Ctrl-C sends a signal as usual.
    """

    def __init__(self) -> None:
        self._before: list[int | list[bytes | int]] | None = None
        self._ended = False
        self._pressed: list[str] = []  # keys that were read together with one before

    def __enter__(self) -> Self:
        if sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp():
            self._before = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno(), termios.TCSADRAIN)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)

    def wait(self, seconds: float) -> str:
        """Wait for a key, or for so long. Return what was pressed; q once the terminal is gone."""
        if self._pressed:
            return self._pressed.pop(0)
        watched = [sys.stdin] if self._before is not None and not self._ended else []
        if not select.select(watched, [], [], max(0.0, seconds))[0]:
            return ""
        read = ""
        with suppress(OSError):  # the terminal is gone
            read = os.read(sys.stdin.fileno(), 64).decode(errors="replace")
        self._ended = not read
        self._pressed = _KEY.findall(read) or ["q"]
        return self._pressed.pop(0)
