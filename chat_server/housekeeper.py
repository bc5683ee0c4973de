"""The housekeeper: work on the store that nobody should wait for, on a thread of its own."""

import logging
import threading

from chat_server.clock import Clock
from chat_server.errors import StoreError
from chat_server.history.store import Store
from chat_server.settings import Settings

log = logging.getLogger(__name__)


class Housekeeper:
    """Folds the store's log back into its database when it has grown, and deletes what is old."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._keep = settings.keep_messages
        self._keep_seconds = settings.keep_seconds
        prunes = self._keep is not None or self._keep_seconds is not None
        self._interval = settings.prune_interval if prunes else None
        self._store = store
        self._clock = clock
        self._stopping = False  # read after checkpoint_due was set, written before
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._store.checkpoint_due.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            try:
                if self._store.checkpoint_due.wait(self._interval):
                    self._store.checkpoint()
                if self._interval is not None:
                    self._prune()
            except StoreError as error:
                log.error("the store was not looked after: %s", error)

    def _prune(self) -> None:
        oldest = self._keep_seconds and self._clock.time() - self._keep_seconds
        deleted = self._store.prune(self._keep, oldest)
        if deleted:
            log.info("%d messages were older than is kept, and are gone", deleted)
