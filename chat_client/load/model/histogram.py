"""A histogram of times: constant memory, an error below 1 %, and two of them can be merged.

A bucket is 1 µs wide up to 255 µs, and at most 1/128 of its values wide beyond that. The number of
a bucket is made of how many low bits of a value are dropped, and of the 8 bits that are left. The
middle of a bucket stands for all of its values, so a value is wrong by less than 0.4 %.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

_KEPT = 8
"""Bits of a value that its bucket keeps."""


class Histogram(Struct):
    """How often each time occurred. All times are in whole microseconds.

    Attributes:
        counts: how many values are in each bucket.
        largest: the exact largest value; 0 if there is no value.
    """

    counts: dict[int, int] = field(default_factory=dict)
    largest: int = 0

    def record(self, value: int, weight: int = 1) -> None:
        """Count a value, `weight` times. A negative value counts as 0."""
        self.record_waits((0,), value, weight)

    def record_waits(self, since: Iterable[int], now: int, weight: int = 1) -> None:
        """Count the time from each moment in `since` until `now`, `weight` times each."""
        counts, largest = self.counts, self.largest
        for start in since:
            value = now - start if now > start else 0
            dropped = value.bit_length() - _KEPT
            bucket = dropped << _KEPT | value >> dropped if dropped > 0 else value
            counts[bucket] = counts.get(bucket, 0) + weight
            if value > largest:
                largest = value
        self.largest = largest

    def merge(self, other: "Histogram") -> None:
        """Add the counts of another histogram."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.largest = max(self.largest, other.largest)

    @property
    def total(self) -> int:
        """How many values there are."""
        return sum(self.counts.values())

    def percentile(self, percent: float) -> int | None:
        """Return the value that `percent` (0 to 100) of the values do not exceed; None if empty."""

        wanted = self.total * percent / 100
        seen = 0
        for value, count in self.values():
            seen += count
            if seen >= wanted:
                return value
        return None

    def values(self) -> Iterator[tuple[int, int]]:
        """Yield each value and how often it occurred, ascending. The last one is exact."""
        last = max(self.counts, default=0)
        for bucket in sorted(self.counts):
            yield self.largest if bucket == last else _middle(bucket), self.counts[bucket]

    def mean(self) -> float:
        """Return the mean, 0 if there is no value."""
        return sum(value * count for value, count in self.values()) / (self.total or 1)

    def deviation(self) -> float:
        """Return the standard deviation, 0 if there is no value."""
        mean = self.mean()
        squares = sum((value - mean) ** 2 * count for value, count in self.values())
        return float((squares / (self.total or 1)) ** 0.5)


def _middle(bucket: int) -> int:
    dropped = bucket >> _KEPT
    return ((bucket & (1 << _KEPT) - 1) << dropped) + (1 << dropped >> 1)
