"""The catch-up thread: feeds the readers that are behind, each at its own pace.

It waits for the sockets that took less than they were offered, and for those whose cursor was
placed in the past. Every step sends one page to one of them, so that nobody's long way back keeps
another waiting.
"""

import logging
import selectors
import threading
from collections import deque
from contextlib import ExitStack, closing, suppress
from functools import partial

from chat_server.delivery.outbox import Outbox, Step
from chat_server.network.wakeup import WakeUp
from chat_server.runtime.errors import STORE_RETRY_AFTER, StoreError
from chat_server.runtime.threads import ServerThread, Survived, Vital
from chat_server.runtime.timers import Timers

log = logging.getLogger(__name__)


class CatchUp:
    """The thread and what it waits for."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        with ExitStack() as opened:
            self._wakeup = opened.enter_context(closing(WakeUp()))
            # This thread's alone.
            self._selector = opened.enter_context(selectors.DefaultSelector())
            self._selector.register(self._wakeup, selectors.EVENT_READ)
            opened.pop_all()
        # Guards all below. A leaf: it comes after outbox, whose holder adds itself.
        self._lock = threading.Lock()
        self._ready: deque[Outbox] = deque()
        self._awake = False  # a wake-up is under way, or the thread is not waiting
        self._stopped = False
        self._thread = ServerThread(self._run, "catch-up")
        self._adding = Vital("handing over a reader that is behind")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take a last step with everybody, and end the thread."""
        with self._lock:
            self._stopped = True
            self._wake()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Close what it waits with, also of a thread that was never started, and also twice."""
        self._selector.close()
        self._wakeup.close()

    def add(self, outbox: Outbox) -> None:
        """Take an outbox in hand that is behind. It says itself when it is in hand already."""
        with self._adding, self._lock:
            self._ready.append(outbox)
            self._wake()

    def _run(self) -> None:
        while not self._stopping():
            self._step_ready()
            self._wait()
        self._leave()

    def _step_ready(self) -> None:
        """A method of its own, or the thread would hold the last of them while it waits."""
        for outbox in self._take_ready():
            self._step(outbox)

    def _step(self, outbox: Outbox) -> None:
        with Survived("feeding a reader that is behind") as feeding:
            self._feed(outbox)
        if feeding.failed:
            outbox.abort()  # it comes back, and reads on from where it was
            self.add(outbox)  # for the last step, which lets go of it

    def _feed(self, outbox: Outbox) -> None:
        try:
            step = outbox.step()
        except StoreError as error:
            log.error("a reader waits for its history: %s", error)
            self._timers.call_later(STORE_RETRY_AFTER, partial(self.add, outbox))
            return
        if step is Step.BEHIND:
            with self._lock:
                self._ready.append(outbox)
        elif step is Step.BLOCKED:
            self._selector.register(outbox.socket, selectors.EVENT_WRITE, outbox)

    def _wait(self) -> None:
        """Wait until a socket takes bytes or somebody is added; not at all if somebody was."""
        with self._lock:
            self._awake = bool(self._ready) or self._stopped
            timeout = 0 if self._awake else None
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._wakeup:
                self._wakeup.take()
                continue
            # Before the step, which may close the socket.
            self._selector.unregister(key.fileobj)
            self._step(key.data)
        with self._lock:
            self._awake = True

    def _leave(self) -> None:
        waiting = [key.data for key in self._selector.get_map().values() if key.data]
        for outbox in waiting:
            self._selector.unregister(outbox.socket)
        for outbox in [*waiting, *self._take_ready()]:
            with suppress(StoreError):
                outbox.step()

    def _stopping(self) -> bool:
        with self._lock:
            return self._stopped

    def _take_ready(self) -> list[Outbox]:
        with self._lock:
            ready = list(self._ready)
            self._ready.clear()
            return ready

    def _wake(self) -> None:
        """With the lock held: interrupt the wait, once."""
        if not self._awake:
            self._awake = True
            self._wakeup.wake()
