"""Lines out of a stream that `nc` or `telnet` sends."""

from collections.abc import Iterator

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
"""Telnet (RFC 854): a command is IAC and one byte, or two if it negotiates an option; what stands
between SB and SE is for machines.
"""

_REFUSALS = {_DO: _WONT, _WILL: _DONT}


class TelnetReader:
    """Cuts a stream into lines, and leaves telnet's negotiation out. Its thread's own."""

    __slots__ = ("_limit", "_partial", "_rest", "_skips", "commands", "refusals")

    def __init__(self, limit: int) -> None:
        """
        Args:
            limit: bytes that a line may have; what is longer is dropped.
        """
        self._limit = limit
        self._partial = b""  # of a line
        self._rest = b""  # of a telnet command
        self._skips = False  # the rest of a line that is too long
        self.commands = 0  # of telnet, that came and are complete
        self.refusals = b""  # what is to be answered to telnet: nothing is supported

    @property
    def buffered(self) -> int:
        """How many bytes of an unfinished line are kept."""
        return len(self._partial) + len(self._rest)

    def feed(self, data: bytes) -> Iterator[str | None]:
        """Yield each line that `data` ends, with its `\\r` if it has one; None for one too long.

        CR NUL ends a line as well: telnet's Return key (RFC 854).
        """
        text = self._partial + self._without_commands(data)
        *lines, rest = text.replace(b"\r\0", b"\r\n").split(b"\n")
        self._partial = rest if len(rest) <= self._limit else b""
        for line in lines:
            too_long, self._skips = self._skips or len(line) > self._limit, False
            yield None if too_long else line.decode(errors="replace")
        if len(rest) > self._limit:
            self._skips = True

    def _without_commands(self, data: bytes) -> bytes:
        """What of `data` is text."""
        data, self._rest = self._rest + data, b""
        if _IAC not in data:
            return data
        text, position = bytearray(), 0
        while (begin := data.find(_IAC, position)) >= 0:
            text += data[position:begin]
            position = self._skip_command(data, begin)
            if position < 0:
                self._rest = data[begin : begin + self._limit]
                return bytes(text)
            self.commands += 1
        return bytes(text + data[position:])

    def _skip_command(self, data: bytes, begin: int) -> int:
        """Where the command at `begin` ends; -1 if it is not complete."""
        if len(data) < begin + 2:
            return -1
        command = data[begin + 1]
        if command == _SB:
            end = data.find(bytes([_IAC, _SE]), begin)
            return end + 2 if end >= 0 else -1
        if command not in (_DO, _DONT, _WILL, _WONT):
            return begin + 2
        if len(data) < begin + 3:
            return -1
        if command in _REFUSALS:
            self.refusals += bytes([_IAC, _REFUSALS[command], data[begin + 2]])
        return begin + 3
