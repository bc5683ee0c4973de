"""The response to one line: what belongs together where the client has labelled its line."""

from collections.abc import Iterator, Sequence

from chat_server.gateways.irc.wire.irc_lines import build, encoded, tagged
from chat_server.gateways.irc.wire.names import SERVER


class Response:
    """What one line is answered with (IRCv3 labeled-response). The client's lock guards it.

    Without a label it is no more than some lines. With one, a single line carries the label,
    several are a batch, and none is an ACK; what is still to come is waited for. Lines that are a
    batch already, such as history, carry the label on the beginning of that batch.
    """

    __slots__ = ("_batch", "_ended", "_expected", "_label", "_lines", "_references")

    def __init__(self, label: str | None, references: Iterator[str]) -> None:
        """
        Args:
            label: the client's, if it may have labels.
            references: names for batches.
        """
        self._label = label
        self._references = references
        self._lines: list[str] = []
        self._expected = 0
        self._ended = False
        self._batch: str | None = None

    @property
    def labelled(self) -> bool:
        """Whether all of it belongs together."""
        return self._label is not None

    def add(self, *lines: str) -> None:
        """Let lines be part of it, which are sent when it ends."""
        self._lines += lines

    def stream(self, lines: Sequence[str]) -> bytes:
        """Return lines as they are to be sent at once, behind those that were added."""
        lines = [*self._lines, *lines]
        self._lines.clear()
        if self._label is None:
            return encoded(lines)
        opening: list[str] = []
        if self._batch is None:
            self._batch = next(self._references)
            opening = [
                tagged(
                    {"label": self._label},
                    build(SERVER, "BATCH", f"+{self._batch}", "labeled-response"),
                )
            ]
        return encoded([*opening, *(self._in_batch(line) for line in lines)])

    def expect(self) -> None:
        """Note that something will come after the end, which `settle` brings."""
        self._expected += 1

    def settle(self, lines: Sequence[str]) -> bytes:
        """Take what was expected, and return what is to be sent now."""
        self._expected -= 1
        self._lines += lines
        return self._close() if self._ended or not self.labelled else b""

    def end(self) -> bytes:
        """Say that the line was dealt with, and return what is to be sent now."""
        self._ended = True
        return self._close()

    def _close(self) -> bytes:
        if self._label is None:
            return self.stream(())
        if self._expected:
            return b""
        if self._batch is not None:
            rest = self.stream(())
            return rest + encoded([build(SERVER, "BATCH", f"-{self._batch}")])
        if len(self._lines) > 1 and not _is_one_batch(self._lines):
            return self.stream(()) + self._close()
        first, *others = self._lines or [build(SERVER, "ACK")]
        return encoded([tagged({"label": self._label}, first), *others])

    def _in_batch(self, line: str) -> str:
        """A line with the tag of the batch, unless it is in one that is in this."""
        assert self._batch is not None
        if line.startswith("@batch="):
            return line
        return tagged({"batch": self._batch}, line)


def _is_one_batch(lines: Sequence[str]) -> bool:
    """Whether lines are one batch from its beginning to its end."""
    beginning = build(SERVER, "BATCH", "+")
    if not lines[0].startswith(beginning):
        return False
    reference = lines[0].removeprefix(beginning).partition(" ")[0]
    return lines[-1] == build(SERVER, "BATCH", f"-{reference}")
