"""The housekeeper: work on the store that nobody should wait for, on a thread of its own."""

import logging
import threading

from chat_server.errors import StoreError
from chat_server.history.store import Store

log = logging.getLogger(__name__)


class Housekeeper:
    """Folds the store's log back into its database, when it has grown."""

    def __init__(self, store: Store) -> None:
        self._store = store
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
        while self._store.checkpoint_due.wait() and not self._stopping:
            try:
                self._store.checkpoint()
            except StoreError as error:
                log.error("the store's log was not folded back: %s", error)
