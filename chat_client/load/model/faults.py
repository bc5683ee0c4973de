"""What a server can do wrong with deliveries, and how to find it from their numbers."""

from msgspec import Struct

_LARGEST_GAP = 100_000
"""Numbers: a wider gap is counted but its numbers are not kept. One that comes after all counts as
doubled."""


class Faults(Struct):
    """How many deliveries went wrong. One message that none of 10 members got is 10 lost.

    Attributes:
        lost: a member never got the message.
        doubled: a member got the message once more than it should.
        reordered: a member got the message after a later one.
        altered: a member got the message with other values than the other members did.
        malformed: the message breaks the protocol.
    """

    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    altered: int = 0
    malformed: int = 0

    def add(self, other: "Faults", times: int = 1) -> None:
        """Add the faults of another one, `times` times."""
        self.lost += other.lost * times
        self.doubled += other.doubled * times
        self.reordered += other.reordered * times
        self.altered += other.altered * times
        self.malformed += other.malformed * times

    def named(self) -> str:
        """Return the counts that are not 0, such as "2 lost, 1 doubled"."""
        counts = [(getattr(self, name), name) for name in self.__struct_fields__]
        return ", ".join(f"{count:,} {name}" for count, name in counts if count)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)


class Numbers:
    """Checks numbers that should come one after the other.

    Attributes:
        faults: what is doubled and reordered. `lost` counts what is missing: it may still come.
    """

    def __init__(self, first: int) -> None:
        """
        Args:
            first: the number that should come first.
        """
        self.faults = Faults()
        self._next = first
        self._missing: set[int] = set()
        self._given_up = 0

    def take(self, number: int) -> None:
        """Note that `number` came."""
        if number >= self._next:
            self._skip_to(number)
            self._next = number + 1
        elif number in self._missing:
            self._missing.remove(number)
            self.faults.reordered += 1
        else:
            self.faults.doubled += 1

    def lost(self, last: int) -> int:
        """Return how many numbers up to `last` did not come."""
        return self._given_up + len(self._missing) + max(0, last + 1 - self._next)

    def seen(self, number: int) -> bool:
        """Return whether `number` came."""
        return number < self._next and number not in self._missing

    def _skip_to(self, number: int) -> None:
        if number - self._next > _LARGEST_GAP:
            self._given_up += number - self._next
        else:
            self._missing.update(range(self._next, number))
