"""The turn to be answered: one client at a time, in the order they came in.

A page takes the interpreter about a millisecond, in which it lets nobody else go on. What is said
needs it again after every step in SQLite and every send; with fifty who ask for pages it waited for
all of them each time, and took seconds to arrive. Fifty who send thousands of pings, or are refused
as often, are not much better. So one is answered; the others wait, each on its own thread, and
compete with nobody. With two at once what was said waited three times as long.

The reply is handed over before the turn ends: who still has one to encode is one more who competes.

Each client waits for one thing at a time, so nobody has two places among those who wait.
"""

import threading
from collections import OrderedDict

from chat_server.delivery.outbox import Outbox


class Turns:
    """Any thread may call any method."""

    def __init__(self) -> None:
        # Guards the next two. A leaf: also taken with an outbox's lock held.
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: OrderedDict[Outbox, None] = OrderedDict()  # who came first stands first

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._lock:
            return len(self._waiting)

    def take(self, outbox: Outbox) -> bool:
        """Wait for the turn, on the thread of the connection whose outbox it is.

        Returns:
            False if the connection was ended meanwhile: there is no turn to give back then.
        """
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            self._waiting[outbox] = None
        if outbox.wait_while(self._waits):
            return True
        with self._lock:
            given_up = outbox in self._waiting
            if given_up:
                del self._waiting[outbox]
        if not given_up:  # the turn came in the same moment
            self.give_back()
        return False

    def give_back(self) -> None:
        """End the turn, which is that of whoever waits the longest from now on."""
        with self._lock:
            if not self._waiting:
                self._taken = False
                return
            following, _ = self._waiting.popitem(last=False)
        following.wake()

    def _waits(self, outbox: Outbox) -> bool:
        with self._lock:
            return outbox in self._waiting
