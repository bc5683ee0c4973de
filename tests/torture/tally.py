"""Counts what was done to whom, for the summary."""

import threading
from collections import Counter


class Tally:
    """Named counters. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _counts
        self._counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        """Count `name` once more."""
        with self._lock:
            self._counts[name] += count

    def __getitem__(self, name: str) -> int:
        with self._lock:
            return self._counts[name]

    def starting_with(self, prefix: str) -> dict[str, int]:
        """Return the counters of that kind, without the prefix, in the order of their names."""
        with self._lock:
            return {
                name.removeprefix(prefix): count
                for name, count in sorted(self._counts.items())
                if name.startswith(prefix)
            }
