"""What has been heard in one room: how far, and the newest of it.

A room is a log and a reader is a cursor, here as on the server. The tail that is kept is bounded;
a reader that has fallen behind it is told so, and fetches what it misses from the server's log.
"""

import threading
from bisect import bisect_right
from collections import deque
from operator import attrgetter

from chat_client.errors import ChatError
from protocol.messages import LARGEST_ID, Message

_TAIL = 1000
"""Messages. Enough for a bot that thinks for a moment, far below what anybody notices."""

_seq = attrgetter("seq")


class Feed:
    """One room as it is heard. Safe to use from several threads."""

    def __init__(self, room: str, heard: int, topic: str) -> None:
        self.room = room
        # Guards all below; whoever reads waits on it. A leaf: nothing else is taken under it.
        self._changed = threading.Condition()
        self._heard = heard
        self._topic = topic
        self._tail: deque[Message] = deque(maxlen=_TAIL)
        self._tail_after = heard  # all that was heard behind this seq is in the tail
        self._read = heard
        self._over = False
        self._error: ChatError | None = None

    @property
    def heard(self) -> int:
        """The seq of the last message that was heard."""
        with self._changed:
            return self._heard

    @property
    def topic(self) -> str:
        """The room's topic."""
        with self._changed:
            return self._topic

    def hear(self, message: Message) -> bool:
        """Take a message up. Return whether it is new: each is, once."""
        with self._changed:
            if not self._heard < message.seq <= LARGEST_ID:
                return False
            if len(self._tail) == _TAIL:
                self._tail_after = self._tail[0].seq
            self._tail.append(message)
            self._heard = message.seq
            if message.kind == "topic":
                self._topic = message.text
            self._changed.notify_all()
            return True

    def resume(self, last: int, topic: str) -> None:
        """Go on after the room was entered again.

        Args:
            last: the seq of the last message in the server's log. If more than that was heard, it
                is another log (the server lost its data), and is heard from here on.
            topic: the room's topic.
        """
        with self._changed:
            self._topic = topic
            if last < self._heard:
                self._heard = self._tail_after = self._read = last
                self._tail.clear()

    def end(self, error: ChatError | None) -> None:
        """Let the readers end, with `error` if there is one."""
        with self._changed:
            self._over, self._error = True, error
            self._changed.notify_all()

    def wait_for(self, seq: int, timeout: float | None = None) -> bool:
        """Wait until the message `seq` was heard. Return whether it was, within the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._heard >= seq, timeout)
            return self._heard >= seq

    # -- the cursor of the room's one reader ----------------------------------------------------

    @property
    def read(self) -> int:
        """The seq of the last message that the reader took."""
        with self._changed:
            return self._read

    def wait(self) -> bool:
        """Wait until there is something to read. Return False if there never will be.

        Raises:
            ChatError: the error with which the feed ended.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._heard > self._read)
            if self._heard > self._read:
                return True
            if self._error:
                raise self._error
            return False

    def take(self) -> Message | None:
        """Return the next message, or None if it is no longer in the tail."""
        with self._changed:
            if self._read < self._tail_after:
                return None
            message = self._tail[bisect_right(self._tail, self._read, key=_seq)]
            self._read = message.seq
            return message

    def skip_to(self, seq: int) -> None:
        """Let the reader go on behind `seq`: it has got what lies before from the server's log."""
        with self._changed:
            self._read = max(self._read, seq)
