"""The keyboard while the live view is shown: read key by key, without an echo into the picture."""

import os
import select
import sys
import termios
import tty
from typing import Self


class Keys:
    """The keyboard of the terminal that is the standard input. A context manager.

    Ctrl-C sends a signal as usual. A process in the background has no keyboard: the terminal would
    stop it if it read from it or changed its modes.
    """

    def __init__(self) -> None:
        self._terminal = sys.stdin.fileno()
        self._before: list[int | list[bytes | int]] | None = None

    def __enter__(self) -> Self:
        if self._ours():
            self._before = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal, termios.TCSADRAIN)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None and self._ours():
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    def pressed(self) -> str:
        """Return the keys that were pressed since the last call, without waiting for one."""

        if self._before is None or not self._ours():
            return ""
        if not select.select([self._terminal], [], [], 0)[0]:
            return ""
        return os.read(self._terminal, 64).decode(errors="replace")

    def _ours(self) -> bool:
        return os.isatty(self._terminal) and os.tcgetpgrp(self._terminal) == os.getpgrp()
