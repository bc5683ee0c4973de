"""What an engine does that several servers share so that all of them make the same writes.

The writes stand in one order, each with a number. A server makes a write only if it has made all
those before it: what it decided was decided upon all of them. Where it has not, nothing is written,
and it reads what is new and decides again.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from chat_server.runtime.errors import StoreError


class LapsedError(StoreError):
    """The other servers take this one for dead, so it may write nothing until it has made all."""


class Position(NamedTuple):
    """How far a server has come.

    Attributes:
        history: the name of the whole order; another one when it had to be begun anew.
        number: of the last write.
        tip: a random name of that write: two orders that differ have others.
    """

    history: str
    number: int
    tip: str


class SharedWrite(NamedTuple):
    """A write that some server has made: where the order is with it, and what was written."""

    position: Position
    data: bytes


class WrittenDown(NamedTuple):
    """Everything that the writes up to a position have made, as one server has written it down."""

    position: Position
    data: bytes


class SharedWrites(Protocol):
    """The order of writes. Any thread may call any method; each raises StoreError if the engine
    cannot be used just now.
    """

    def end(self) -> Position | None:
        """Return where the order ends; None if there is none yet."""
        ...

    def append(self, after: Position, data: bytes) -> Position | None:
        """Add a write behind a position. Return where it stands; None if others are there by now.

        Raises:
            LapsedError: the lease of this server has ended.
            StoreError: it is not known whether it was added.
        """
        ...

    def after(self, position: Position, limit: int) -> list[SharedWrite] | None:
        """Return up to `limit` writes behind a position; None if the order has no such position, or
        does not reach back so far.
        """
        ...

    def kept(self) -> WrittenDown | None:
        """Return what was written down last of everything; None if nothing was."""
        ...

    def begin(self, kept: WrittenDown, instead_of: Position | None) -> bool:
        """Begin the order anew with what one server has.

        Args:
            kept: that.
            instead_of: where the order ends at present; None if there is none.

        Returns: whether it was done; not if it ends elsewhere by now.
        """
        ...

    def keep(self, kept: WrittenDown) -> None:
        """Write everything down, and forget old writes that are part of it."""
        ...

    def note_made(self, position: Position) -> None:
        """Tell the others that this server has made all writes up to a position."""
        ...

    def count_behind(self, number: int) -> int:
        """Return how many living servers have not made all writes up to a number yet."""
        ...

    def watch(self, written: Callable[[], None], made: Callable[[], None]) -> None:
        """Tell from now on what the others do. Both must be quick.

        Args:
            written: called when another server has written, or Redis can be reached again.
            made: called when another server has made some writes, or stopped.
        """
        ...

    def leave(self) -> None:
        """Let nobody wait for this server any more: it stops."""
        ...
