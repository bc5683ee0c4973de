"""When each message is due: by the clock, whatever the server does.

This is the open loop. A closed loop waits for a reply before it sends the next message, so it sends
few messages to a server that stalls, and measures few slow ones (coordinated omission). Here the
messages are due all the same, and their latency counts from then.
"""

from collections.abc import Sequence


class Schedule:
    """The messages that one worker process has to send, and when.

    The talkers of a run take turns. Message k (from 0) is due k / rate seconds after the start.
    A process sends the messages of its own talkers.
    """

    def __init__(
        self, rate: float, talkers: int, own: Sequence[int], start: int, stop: int
    ) -> None:
        """
        Args:
            rate: messages a second, of all talkers together.
            talkers: how many talkers all processes have together.
            own: the numbers of this process's talkers (from 0, ascending).
            start: when the first message of all is due, in µs.
            stop: the end, in µs: no message is due then or later.
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
        due = self._start + int(self._next_number() * self._interval)
        return due if due < self._stop else None

    def take_due(self, now: int) -> list[tuple[int, int]]:
        """Return the talker and the due time of each message that is due by `now`, in order."""
        taken = []
        while (due := self.next_due) is not None and due <= now:
            taken.append((self._own[self._said % len(self._own)], due))
            self._said += 1
        return taken

    def end(self, stop: int) -> None:
        """End at `stop`, if that is earlier than the end so far."""
        self._stop = min(self._stop, stop)

    def _next_number(self) -> int:
        """The number of this process's next message among those of all processes."""
        rounds, position = divmod(self._said, len(self._own))
        return rounds * self._talkers + self._own[position]
