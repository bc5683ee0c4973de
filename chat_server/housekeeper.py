"""The housekeeper: work on the store that nobody should wait for, on a thread of its own."""

import logging
import threading

from chat_server.clock import Clock
from chat_server.errors import StoreError
from chat_server.history.store import Store
from chat_server.rules import Keep
from chat_server.settings import LiveSettings

log = logging.getLogger(__name__)


class Housekeeper:
    """Folds the store's log back into its database when it has grown, and deletes what is old."""

    def __init__(self, settings: LiveSettings, store: Store, clock: Clock) -> None:
        self._settings = settings
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
                if self._store.checkpoint_due.wait(self._settings.now.prune_interval):
                    self._store.checkpoint()
                keep = self._settings.now.keep
                if keep != Keep():
                    self._prune(keep)
            except StoreError as error:
                log.error("the store was not looked after: %s", error)

    def _prune(self, keep: Keep) -> None:
        oldest = None if keep.seconds is None else self._clock.time() - keep.seconds
        deleted = self._store.prune(keep.messages, oldest)
        if deleted:
            log.info("%d messages were older than is kept, and are gone", deleted)
