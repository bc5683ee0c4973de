"""The response to one line: what belongs together where the client has labelled its line."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from chat_server.gateways.irc.wire.irc_lines import build, encoded, tagged
from chat_server.gateways.irc.wire.names import SERVER


class Response(Struct, eq=False, gc=False):
    """What one line is answered with (IRCv3 labeled-response). The client's lock guards it.

    Without a label it is no more than some lines. With one, a single line carries the label,
    several are a batch, and none is an ACK; what is still to come is waited for. Lines that are a
    batch already, such as history, carry the label on the beginning of that batch.

    Attributes:
        label: the client's, if it may have labels.
        references: names for batches.
        lines: those that are not sent yet; None until there are some, as most have none.
        expected: how often `settle` is to be called yet.
        ended: whether the line was dealt with.
        batch: the name of its batch, once that has begun.
        is_one: whether what `settle_in_order` brings is all of it.
    """

    label: str | None
    references: Iterator[str]
    lines: list[str] | None = None
    expected: int = 0
    ended: bool = False
    batch: str | None = None
    is_one: bool = False

    @property
    def labelled(self) -> bool:
        """Whether all of it belongs together."""
        return self.label is not None

    def add(self, *lines: str) -> None:
        """Let lines be part of it, which are sent when it ends."""
        known = self.lines
        if known is not None:
            known += lines
        elif lines:
            self.lines = [*lines]

    def stream(self, lines: Sequence[str]) -> bytes:
        """Return lines as they are to be sent at once, behind those that were added."""
        lines = [*(self.lines or ()), *lines]
        self.lines = None
        if self.label is None:
            return encoded(lines)
        opening: list[str] = []
        if self.batch is None:
            self.batch = next(self.references)
            opening = [
                tagged(
                    {"label": self.label},
                    build(SERVER, "BATCH", f"+{self.batch}", "labeled-response"),
                )
            ]
        return encoded([*opening, *(self._in_batch(line) for line in lines)])

    def expect(self) -> None:
        """Note that something will come after the end, which `settle` brings."""
        self.expected += 1

    def settle(self, lines: Sequence[str]) -> bytes:
        """Take what was expected, and return what is to be sent now."""
        self.expected -= 1
        self.add(*lines)
        return self._close() if self.ended or not self.labelled else b""

    def settle_in_order(self, lines: Sequence[str]) -> bytes:
        """The same, for lines that have a place among all that the client is sent: they do not wait
        for what is still to come.
        """
        if not lines or self.label is None or (self.ended and self.expected == 1):
            return self.settle(lines)
        self.expected -= 1
        if not self.is_one or len(lines) > 1:
            return self.stream(lines)
        labelled = tagged({"label": self.label}, lines[0])
        self.label = None
        return encoded([labelled])

    def end(self) -> bytes:
        """Say that the line was dealt with, and return what is to be sent now."""
        self.ended = True
        return self._close()

    def _close(self) -> bytes:
        if self.label is None:
            return self.stream(())
        if self.expected:
            return b""
        if self.batch is not None:
            rest = self.stream(())
            return rest + encoded([build(SERVER, "BATCH", f"-{self.batch}")])
        if self.lines and len(self.lines) > 1 and not _is_one_batch(self.lines):
            return self.stream(()) + self._close()
        first, *others = self.lines or [build(SERVER, "ACK")]
        return encoded([tagged({"label": self.label}, first), *others])

    def _in_batch(self, line: str) -> str:
        """A line with the tag of the batch, unless it is in one that is in this."""
        assert self.batch is not None
        if line.startswith("@batch="):
            return line
        return tagged({"batch": self.batch}, line)


def _is_one_batch(lines: Sequence[str]) -> bool:
    """Whether lines are one batch from its beginning to its end."""
    beginning = build(SERVER, "BATCH", "+")
    if not lines[0].startswith(beginning):
        return False
    reference = lines[0].removeprefix(beginning).partition(" ")[0]
    return lines[-1] == build(SERVER, "BATCH", f"-{reference}")
