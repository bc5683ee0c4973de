"""The messages of one room as they arrive: how far the client has heard, and the newest of them.

A room is a log and a reader is a cursor, here as on the server. The tail in memory is bounded. A
reader that has fallen behind the tail fetches what it misses from the server's log.
"""

import threading
from bisect import bisect_right
from collections import deque
from operator import attrgetter
from typing import NamedTuple

from chat_client.errors import ChatError
from chat_client.files.waiting import holds
from protocol.messages import LARGEST_ID, Join, Message

_TAIL = 1000
"""Messages in the tail: enough for a bot that is busy for a moment."""

_TAIL_CHARACTERS = 1_000_000
"""Characters of all texts in the tail: a server may send long ones."""

_seq = attrgetter("seq")


class Reading(NamedTuple):
    """Where the reader of a room is.

    Attributes:
        read: the seq of the last message that the reader took.
        heard: the seq of the last message that was heard.
        divergences: how often the server had another log, so that messages were forgotten.
    """

    read: int
    heard: int
    divergences: int


class Feed:
    """One room, as the client hears it. Any thread may call any method."""

    def __init__(self, room: str, heard: int, topic: str, log: str | None = None) -> None:
        self.room = room
        # Guards all below. A leaf: nothing else is taken under it.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)  # the reader waits on it
        self._heard = heard
        self._topic = topic
        self._log = log
        self._divergences = 0
        self._tail: deque[Message] = deque()
        self._characters = 0  # of the texts in the tail
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

    @property
    def log(self) -> str | None:
        """The server's name of the log that was heard; None if it has none."""
        with self._changed:
            return self._log

    @property
    def place(self) -> tuple[int, str | None]:
        """The seq of the last message that was heard, and the name of its log."""
        with self._changed:
            return self._heard, self._log

    def hear(self, message: Message) -> bool:
        """Add a message. Return whether it is new; a message that comes again is not."""
        with self._changed:
            if not self._heard < message.seq <= LARGEST_ID:
                return False
            self._append(message)
            self._heard = message.seq
            if message.kind == "topic":
                self._topic = message.text
            self._changed.notify_all()
            return True

    def _append(self, message: Message) -> None:
        """Add a message to the tail, and drop the oldest where the tail is full."""
        assert self._lock.locked()
        self._tail.append(message)
        self._characters += len(message.text)
        while len(self._tail) > _TAIL or (
            self._characters > _TAIL_CHARACTERS and len(self._tail) > 1
        ):
            dropped = self._tail.popleft()
            self._characters -= len(dropped.text)
            self._tail_after = dropped.seq

    def resume(self, last: int, topic: str, log: str | None, diverged: int | None) -> int:
        """Go on after the room was entered again.

        Args:
            last: the seq of the last message in the server's log. If the client has heard more,
                and the server names no logs, it is another log, and the client goes on from here.
            topic: the room's topic.
            log: the server's name of its log, if it has one.
            diverged: the last seq that the server's log and the log that was heard have in common,
                if they are different logs.

        Returns:
            How many of the messages that were heard are gone.
        """
        with self._changed:
            self._topic = topic
            self._log = log
            place = min(self._heard, last if diverged is None else diverged)
            gone = self._heard - place
            if gone:
                self._go_back_to(place)
            return gone

    def _go_back_to(self, place: int) -> None:
        """Forget the messages behind `place`, whether they were read or not."""
        assert self._lock.locked()
        while self._tail and self._tail[-1].seq > place:
            self._characters -= len(self._tail.pop().text)
        self._heard = place
        self._tail_after = min(self._tail_after, place)
        self._read = min(self._read, place)
        self._divergences += 1

    def end(self, error: ChatError | None) -> None:
        """Let the readers end, with `error` if there is one."""
        with self._changed:
            self._over, self._error = True, error
            self._changed.notify_all()

    def wait_for(self, seq: int, timeout: float | None = None) -> bool:
        """Wait until the message `seq` was heard. Return False when the timeout has passed."""
        with self._changed:
            holds(self._changed, lambda: self._over or self._heard >= seq, timeout)
            return self._heard >= seq

    # -- the cursor of the room's one reader ----------------------------------------------------

    @property
    def read(self) -> "Reading":
        """How far the reader is."""
        with self._changed:
            return Reading(self._read, self._heard, self._divergences)

    def wait(self) -> bool:
        """Wait until there is something to read. Return False if the feed has ended.

        Raises:
            ChatError: the error with which the feed ended.
        """
        with self._changed:
            holds(self._changed, lambda: self._over or self._heard > self._read)
            if self._heard > self._read:
                return True
            if self._error:
                raise self._error
            return False

    def take(self) -> Message | None:
        """Return the next message; None if there is none, or if the tail has dropped it."""
        with self._changed:
            if self._read < self._tail_after or self._read >= self._heard:
                return None
            message = self._tail[bisect_right(self._tail, self._read, key=_seq)]
            self._read = message.seq
            return message

    def skip_to(self, seq: int, divergences: int) -> bool:
        """Move the reader behind `seq`, after it has fetched the messages before from the server.

        Args:
            seq: of the last message that it fetched.
            divergences: of `read` before it asked the server.

        Returns:
            False, without an effect, if the server has had another log since.
        """
        with self._changed:
            if self._divergences != divergences:
                return False
            self._read = max(self._read, seq)
            return True


def join_again(feed: Feed, number: int) -> Join:
    """Return the request that enters a room again, behind what was heard."""
    heard, log = feed.place
    return Join(number, feed.room, after=heard, log=log)


def first_place(join: Join, last: int, diverged: int | None) -> int:
    """Return the seq behind which messages follow in a room that we joined for the first time."""
    if diverged is not None:
        return diverged
    if join.after is not None:
        return min(join.after, last)
    return last if join.history is None else max(0, last - join.history)
