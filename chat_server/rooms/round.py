"""A worker's way round the members of a room, a stride at a time."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Round(Generic[T]):
    """The worker's way round the members of a room. Only who has the room's turn uses it."""

    __slots__ = ("_last", "_members", "_position", "published")

    def __init__(self, last: int) -> None:
        self._members: tuple[T, ...] = ()  # as they were when the round began
        self._position = 0
        self._last = last  # the seq of the last message when the round began
        self.published = 0  # since then, in bytes

    def take(self, count: int, last: int, members: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
        """Return the next members that are to be fed, at most `count`; none if all are.

        A round begins when something was published since the last one began: a member that was
        passed before is fed in the next.

        Args:
            count: how many.
            last: the seq of the log's last message.
            members: returns who is in the room.
        """
        if not self._members and self._last != last:
            self._last = last
            self._members = members()
        taken = self._members[self._position : self._position + count]
        self._position += count
        if self._position >= len(self._members):
            self._members, self._position, self.published = (), 0, 0
        return taken

    @property
    def fed(self) -> int | None:
        """The seq up to which all have been passed, at the end of a round; None on the way."""
        return None if self._members else self._last

    def needed(self, last: int) -> bool:
        """Return whether somebody is still to be fed, where the log ends with the seq `last`."""
        return bool(self._members) or self._last != last
