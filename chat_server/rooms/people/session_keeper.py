"""Keeps sessions in the store, many in one transaction.

Each hello would be a transaction, and a thousand a second of them would have everybody wait who
wants to store what was said. So new sessions come together for a moment, and a thread of its own
writes them. Who needs a session to be kept waits for that, with all others who do: alone for the
write only, in a storm of hellos a moment longer, so that they share one. Who has only said hello
does not wait: a crash in that moment costs sessions in which nothing was done.
"""

import logging
import threading

from chat_server.rooms.people.session import Session
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import StoreError
from chat_server.runtime.threads import ServerThread
from chat_server.storage.interface import SessionStore

log = logging.getLogger(__name__)

GATHER = 0.1
"""Seconds for which sessions come together, unless somebody waits for one."""

GATHER_IN_STORM = 0.02
"""The same where somebody waits, if they did not come alone the last time: each transaction needs
the interpreter several times, and all who come compete for it.
"""

GROUP = 500
"""Sessions written in one transaction: a delivery waits for no more than that."""


class _Group:
    """Sessions that are written together.

    Attributes:
        new: those that the store lacks, by the hash of their secret.
        resumed: those that were taken up again.
        done: set when they are written, or cannot be.
        error: why they are not, if so; read when `done` is set.
    """

    def __init__(self) -> None:
        self.new: dict[bytes, Session] = {}
        self.resumed: dict[bytes, Session] = {}
        self.done = threading.Event()
        self.error: StoreError | None = None

    def __len__(self) -> int:
        return len(self.new) + len(self.resumed)


class SessionKeeper:
    """The thread and what it has to write. Any thread may call any method."""

    def __init__(self, stored: SessionStore, clock: Clock) -> None:
        """
        Args:
            stored: the sessions in the store.
            clock: for when a session was taken up.
        """
        self._stored = stored
        self._clock = clock
        # Guards the next three, and wakes the thread. A leaf.
        self._changed = threading.Condition()
        self._group = _Group()  # the one that sessions are added to
        self._urgent = False  # somebody waits for it
        self._stopping = False
        # The thread's own.
        self._last = 0  # how many the last group had
        self._complained = False
        self._thread = ServerThread(self._run, "sessions")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def begin(self, session: Session) -> None:
        """Let a new session be kept soon."""
        with self._changed:
            self._group.new[session.token] = session
            self._tell()

    def resume(self, session: Session) -> None:
        """Let it be kept soon that a session was taken up again."""
        with self._changed:
            if session.number is None:
                self._group.new[session.token] = session
            else:
                self._group.resumed[session.token] = session
            self._tell()

    def keep(self, session: Session) -> None:
        """Wait until a session is kept, and has its number.

        Raises:
            StoreError: it could not be kept.
        """
        with self._changed:
            if session.number is not None:
                return
            group = self._group
            group.new[session.token] = session
            if self._urgent:
                self._tell()
            else:
                self._urgent = True
                self._changed.notify()
        group.done.wait()
        if group.error is not None:
            raise StoreError(str(group.error)) from group.error

    def _tell(self) -> None:
        """With the lock held: wake the thread, if what was added is what it waits for."""
        if len(self._group) in (1, GROUP):
            self._changed.notify()

    def _run(self) -> None:
        while self._write_next():
            pass

    def _write_next(self) -> bool:
        """Write the next group; False at the end. None is held while there is none to write."""
        group = self._next_group()
        if group is None:
            return False
        self._write(group)
        return True

    def _next_group(self) -> _Group | None:
        """Wait for a group that is to be written; None when there is none and will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._group or self._stopping)
            if not self._group:
                return None
            self._changed.wait_for(lambda: self._urgent or self._is_due, GATHER)
            if self._urgent and self._last > 1:
                self._changed.wait_for(lambda: self._is_due, GATHER_IN_STORM)
            group, self._group, self._urgent = self._group, _Group(), False
            self._last = len(group)
            return group

    @property
    def _is_due(self) -> bool:
        """With the lock held: whether the group is to be written, however soon the others come."""
        return self._stopping or len(self._group) >= GROUP

    def _write(self, group: _Group) -> None:
        """Write a group, and let those go on who wait for it. If that fails, it is in memory."""
        new = [session for session in group.new.values() if session.number is None]
        numbers = [session.number for session in group.resumed.values()]
        try:
            found = self._stored.keep(
                [session.token for session in new],
                [number for number in numbers if number is not None],
                self._clock.time(),
            )
        except StoreError as error:
            if not self._complained:
                log.error("sessions are not kept until they can be stored: %s", error)
            self._complained = True
            group.error = error
        else:
            self._complained = False
            for session, number in zip(new, found, strict=True):
                session.number = number
        group.done.set()
