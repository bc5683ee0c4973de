"""The housekeeper: work on what is kept that nobody should wait for, on a thread of its own."""

import logging
from collections.abc import Callable

from chat_server.runtime.clock import Clock
from chat_server.runtime.config.setting_types import Keep
from chat_server.runtime.config.settings import LiveSettings
from chat_server.runtime.errors import StoreError
from chat_server.runtime.machine.processors import on_any
from chat_server.runtime.threads import ServerThread, Survived
from chat_server.storage.dates import Dates
from chat_server.storage.interface import RoomLog, SessionStore

log = logging.getLogger(__name__)

PRUNE_INTERVAL = 5.0
"""Seconds between two deletions of what need not be kept any more, a little each time."""

UNUSED_AFTER = 3600.0
"""Seconds for which a session is kept with which nothing was ever said: it would fill the disk."""

UNUSED_INTERVAL = 600.0
"""Seconds between two searches for such sessions."""


class Housekeeper:
    """Lets the log engine do its upkeep, and deletes what is old."""

    def __init__(
        self,
        settings: LiveSettings,
        store: RoomLog,
        sessions: SessionStore,
        dates: Dates,
        clock: Clock,
        needs_session: Callable[[bytes], bool],
        tidy: Callable[[], None],
        forget_empty: Callable[[], None],
    ) -> None:
        """
        Args:
            settings: how much is kept.
            store: the logs that are looked after.
            sessions: the sessions that are looked after.
            dates: for how old something is.
            clock: for when it is time to look.
            needs_session: whether somebody has a session, or it is more than a session, by the
                hash of its secret.
            tidy: lets go of what belongs to messages that are deleted.
            forget_empty: deletes what was said in rooms that are to be forgotten by now.
        """
        self._settings = settings
        self._store = store
        self._sessions = sessions
        self._dates = dates
        self._clock = clock
        self._needs_session = needs_session
        self._tidy = tidy
        self._forget_empty = forget_empty
        self._unused_at = clock.monotonic()  # when they are looked for
        self._stopping = False  # read after `maintenance_due` was set, written before
        self._thread = ServerThread(self._run, "housekeeper")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._store.maintenance_due.set()
        self._thread.join()
        try:
            self._dates.keep()
        except StoreError as error:
            log.error("the date could not be kept: %s", error)

    def _run(self) -> None:
        while not self._stopping:
            self._store.maintenance_due.wait(PRUNE_INTERVAL)
            with Survived("looking after the store"), on_any():
                try:
                    self._look_after()
                except StoreError as error:
                    log.error("the store was not looked after: %s", error)

    def _look_after(self) -> None:
        self._store.maintain(lambda: self._stopping)
        self._forget_empty()
        keep = self._settings.now.keep
        if keep != Keep():
            self._prune(keep)
        self._tidy()
        if self._clock.monotonic() >= self._unused_at:
            self._unused_at = self._clock.monotonic() + UNUSED_INTERVAL
            self._forget_unused()
            self._dates.keep()

    def _forget_unused(self) -> None:
        """Forget the sessions with which nothing was said, a few at a time."""
        last, seen_before = 0, self._dates.past() - UNUSED_AFTER
        while not self._stopping and (found := self._sessions.unused(last, seen_before)):
            last = found[-1][0]
            numbers = [number for number, token in found if not self._needs_session(token)]
            if numbers:
                self._sessions.drop(numbers)

    def _prune(self, keep: Keep) -> None:
        oldest = None if keep.seconds is None else self._dates.past() - keep.seconds
        deleted = self._store.prune(keep.messages, oldest, self._dates.future())
        if deleted:
            log.info("%d messages were older than is kept, and are gone", deleted)
