"""What a stress run has carried, and what was wrong with it."""

import threading

_SHOWN = 5


class Outcome:
    """Counts from any thread.

    Attributes:
        what: which run it was.
        seconds: how long it took.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.seconds = 0.0
        self._lock = threading.Lock()  # guards all below
        self._pieces = 0
        self._bytes = 0
        self._faults: list[str] = []

    def count(self, size: int) -> None:
        """Count a piece that arrived as it was sent."""
        with self._lock:
            self._pieces += 1
            self._bytes += size

    def fault(self, text: str) -> None:
        """Note what is wrong."""
        with self._lock:
            self._faults.append(text)

    @property
    def pieces(self) -> int:
        """How many were counted."""
        with self._lock:
            return self._pieces

    @property
    def faults(self) -> list[str]:
        """What was wrong."""
        with self._lock:
            return list(self._faults)

    def __str__(self) -> str:
        rate = f"{self._bytes / 1e6 / max(self.seconds, 0.001):.0f} MB/s"
        verdict = "all as it was sent" if not self._faults else f"{len(self._faults)} FAULTS"
        lines = [
            f"{self.what}: {self._pieces:,} pieces, {self._bytes / 1e6:,.0f} MB in "
            f"{self.seconds:.1f} s ({rate}): {verdict}",
            *(f"    {fault}" for fault in self._faults[:_SHOWN]),
        ]
        return "\n".join(lines)
