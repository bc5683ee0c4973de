"""The fair queue: the server answers one client at a time, in the order in which they asked.

The total work is the same; fewer threads contend for the interpreter. Building a page holds the
interpreter for about a millisecond. A delivery needs it again after every step in SQLite and after
every send. With fifty clients that ask for pages, each of these steps waited for all fifty, and a
message took seconds to arrive. Fifty clients that send thousands of pings, or are refused as often,
slow a delivery almost as much. So one client is answered, and the others wait, each on its own
thread. With two at a time a message waited three times as long.

The client at the head hands over its reply before it leaves the queue: a thread that still encodes
one contends, too.

Each client waits for one thing at a time, so it has one place in the queue.
"""

import threading
from collections import OrderedDict

from chat_server.delivery.outbox import Outbox


class FairQueue:
    """Who is answered, and who waits for it. Any thread may call any method."""

    def __init__(self) -> None:
        # Guards the next two. A leaf: also taken with an outbox's lock held.
        self._lock = threading.Lock()
        self._occupied = False  # somebody is at the head
        self._waiting: OrderedDict[Outbox, None] = OrderedDict()  # the first has waited longest

    @property
    def waiting(self) -> int:
        """How many clients wait."""
        with self._lock:
            return len(self._waiting)

    def enter(self, outbox: Outbox) -> bool:
        """Wait until this client is at the head, on the thread of its connection.

        Args:
            outbox: of the connection, which stands for the client.

        Returns:
            Whether it is at the head, and has to `leave`. False if the connection has ended
            meanwhile.
        """
        with self._lock:
            if not self._occupied:
                self._occupied = True
                return True
            self._waiting[outbox] = None
        if outbox.wait_while(self._waits):
            return True
        with self._lock:
            given_up = outbox in self._waiting
            if given_up:
                del self._waiting[outbox]
        if not given_up:  # it came to the head in the same moment
            self.leave()
        return False

    def leave(self) -> None:
        """Leave the head of the queue to the client that has waited the longest."""
        with self._lock:
            if not self._waiting:
                self._occupied = False
                return
            following, _ = self._waiting.popitem(last=False)
        following.wake()

    def _waits(self, outbox: Outbox) -> bool:
        with self._lock:
            return outbox in self._waiting
