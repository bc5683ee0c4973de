"""What prompt_toolkit makes of a terminal's keyboard, mended: a paste may have no end mark, and the
terminal may be gone.
"""

import re
import sys

from prompt_toolkit.input import Input

from chat_client.files.osdep import is_gone

if sys.platform != "win32":
    from prompt_toolkit.input.vt100 import Vt100Input

_PASTE_END = "\x1b[201~"
"""What a terminal sends behind what is pasted."""

_PRESSED = re.compile("[\x03\x04]+\\Z")
"""Ctrl-C and Ctrl-D. A key comes by itself, and so at the end of what is read at once."""


class Keyboard:
    """Mends an input. On the loop's thread.

    Attributes:
        cut: whether the keys that were read last ended a paste that had no end mark.
    """

    def __init__(self, keys: Input) -> None:
        """Mend it, if it is a terminal's as POSIX has them; others know neither trouble."""
        self.cut = False
        if sys.platform != "win32" and isinstance(keys, Vt100Input):
            self._mend_paste(keys)
            _mend_end(keys)

    if sys.platform != "win32":

        def _mend_paste(self, keys: Vt100Input) -> None:
            """Let Ctrl-C and Ctrl-D end a paste. Without that they would be part of it, for ever
            if the end mark was lost on its way.
            """
            parser = keys.vt100_parser
            feed = parser.feed

            def cut_before(data: str) -> None:
                pressed = _PRESSED.search(data)
                feed(data[: pressed.start()] if pressed else data)
                cut = pressed is not None and parser._in_bracketed_paste
                if cut:
                    feed(_PASTE_END)  # which comes by here again with what is behind it: nothing
                self.cut = cut
                if pressed:
                    feed(pressed[0])

            parser.feed = cut_before  # type: ignore[method-assign]


if sys.platform != "win32":

    def _mend_end(keys: Vt100Input) -> None:
        """Let the input end when its terminal is gone. Without that an error would be taken for a
        key that is not there yet, again and again, without a pause.
        """
        reader = keys.stdin_reader
        read = reader.read

        def read_or_end(count: int = 1024) -> str:
            data = read(count)
            if not data and is_gone(reader.stdin_fd):
                reader.closed = True
            return data

        reader.read = read_or_end  # type: ignore[method-assign]
