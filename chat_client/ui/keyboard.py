"""Fixes for prompt_toolkit's keyboard: a paste without an end mark, and a terminal that is gone."""

import re
import sys

from prompt_toolkit.input import Input

from chat_client.files.osdep import is_gone

if sys.platform != "win32":
    from prompt_toolkit.input.vt100 import Vt100Input

_PASTE_END = "\x1b[201~"
"""What a terminal sends at the end of a paste."""

_PRESSED = re.compile("[\x03\x04]+\\Z")
"""Ctrl-C and Ctrl-D at the end of what was read: a key that is pressed comes last."""


class Keyboard:
    """Fixes an input. On the loop's thread.

    Attributes:
        cut: whether the last keys ended a paste without an end mark.
    """

    def __init__(self, keys: Input) -> None:
        """Fix the input if it is a POSIX terminal's. Others have neither problem."""
        self.cut = False
        if sys.platform != "win32" and isinstance(keys, Vt100Input):
            self._mend_paste(keys)
            _mend_end(keys)

    if sys.platform != "win32":

        def _mend_paste(self, keys: Vt100Input) -> None:
            """Let Ctrl-C and Ctrl-D end a paste. Otherwise a paste whose end mark was lost would
            never end.
            """
            parser = keys.vt100_parser
            feed = parser.feed

            def cut_before(data: str) -> None:
                pressed = _PRESSED.search(data)
                feed(data[: pressed.start()] if pressed else data)
                cut = pressed is not None and parser._in_bracketed_paste
                if cut:
                    feed(_PASTE_END)  # the parser calls this again, with empty data
                self.cut = cut
                if pressed:
                    feed(pressed[0])

            parser.feed = cut_before  # type: ignore[method-assign]


if sys.platform != "win32":

    def _mend_end(keys: Vt100Input) -> None:
        """End the input when its terminal is gone. Otherwise prompt_toolkit would take the error
        for a key that has yet to come, and read again without a pause.
        """
        reader = keys.stdin_reader
        read = reader.read

        def read_or_end(count: int = 1024) -> str:
            data = read(count)
            if not data and is_gone(reader.stdin_fd):
                reader.closed = True
            return data

        reader.read = read_or_end  # type: ignore[method-assign]
