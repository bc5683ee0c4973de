"""When each message is due: by the clock, whatever the server does.

This is the open loop. A generator that waits for an answer before it asks again measures a server
that stalls with very few messages (coordinated omission); here they are due all the same, and
their latency counts from then.
"""

from collections.abc import Sequence


class Schedule:
    """What one process has to say, and when.

    All talkers of a run take turns, one message each; message k (from 0) is due k / rate seconds
    after the start, and a process says those of its own talkers.
    """

    def __init__(
        self, rate: float, talkers: int, own: Sequence[int], start: int, stop: int
    ) -> None:
        """
        Args:
            rate: messages a second, of all talkers together.
            talkers: how many there are.
            own: which of them (from 0, ascending) are this process's.
            start: when the first message of all is due, in µs.
            stop: nothing is due from then on, in µs.
        """
        self._interval = 1e6 / rate
        self._talkers = talkers
        self._own = own
        self._start = start
        self._stop = stop
        self._said = 0

    @property
    def next_due(self) -> int | None:
        """When the next message is due, in µs; None if there is none."""
        if not self._own:
            return None
        due = self._start + int(self._turn() * self._interval)
        return due if due < self._stop else None

    def take_due(self, now: int) -> list[tuple[int, int]]:
        """Return the talker and the due time of all that is due by `now`, in order."""
        taken = []
        while (due := self.next_due) is not None and due <= now:
            taken.append((self._own[self._said % len(self._own)], due))
            self._said += 1
        return taken

    def end(self, stop: int) -> None:
        """Let nothing be due from `stop` on, which may be earlier than was said at first."""
        self._stop = min(self._stop, stop)

    def _turn(self) -> int:
        """The number of the next message, among those of all processes."""
        rounds, position = divmod(self._said, len(self._own))
        return rounds * self._talkers + self._own[position]
