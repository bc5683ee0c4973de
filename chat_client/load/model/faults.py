"""What a server can do wrong with deliveries, and how it shows in their numbers."""

from msgspec import Struct

# A gap wider than this is counted but not remembered: what comes later of it counts as doubled.
_GAP_REMEMBERED = 100_000


class Faults(Struct):
    """What went wrong, in deliveries: one message that all of 10 members lack is 10 lost.

    A message is `altered` if a member got it with other members of the object than the others did,
    and `malformed` if it breaks the protocol, in the same way for all who get the same bytes.
    """

    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    altered: int = 0
    malformed: int = 0

    def add(self, other: "Faults", times: int = 1) -> None:
        """Add the faults of another one, so many times."""
        self.lost += other.lost * times
        self.doubled += other.doubled * times
        self.reordered += other.reordered * times
        self.altered += other.altered * times
        self.malformed += other.malformed * times

    def named(self) -> str:
        """Return what there is of each, such as "2 lost, 1 doubled"."""
        counts = [(getattr(self, name), name) for name in self.__struct_fields__]
        return ", ".join(f"{count:,} {name}" for count, name in counts if count)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)


class Numbers:
    """Numbers that should come one after the other, and what is wrong with how they came.

    Attributes:
        faults: without what is lost, as it may still come.
    """

    def __init__(self, first: int) -> None:
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
        """Return how many did not come, if `last` is the last of all."""
        return self._given_up + len(self._missing) + max(0, last + 1 - self._next)

    def seen(self, number: int) -> bool:
        """Return whether `number` came."""
        return number < self._next and number not in self._missing

    def _skip_to(self, number: int) -> None:
        if number - self._next > _GAP_REMEMBERED:
            self._given_up += number - self._next
        else:
            self._missing.update(range(self._next, number))
