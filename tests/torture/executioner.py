"""The executioner: a thread that kills the server at random moments and starts it again.

Mostly it strikes while everybody talks, now and then while the server is starting, when it reads
and mends what the last one left; and now and then it asks the server to stop, as its owner would.
"""

import random
import signal
import threading

from tests.torture.records import Stop
from tests.torture.server import Server, ServerDied
from tests.torture.tally import Tally

# Seconds that a server lives, from when it listens: short lives are drawn as often as long ones.
LIVES = ((0.0, 0.5), (0.5, 3.0), (2.0, 8.0))
# How long nobody listens.
PAUSE = 0.5
# How often a kill is a normal stop instead, and how often a start is interrupted.
STOP_SHARE = 0.08
EARLY_SHARE = 0.12
EARLY = 1.0
# How often a server that may stand still does so instead, and for how many seconds: shorter than
# its lease on Redis, or longer.
PAUSE_SHARE = 0.4
STILL = ((0.1, 3.0), (0.1, 3.0), (16.0, 22.0))


class Executioner:
    """Owns the server while it is at work: between `start` and `stop` nobody else touches it.

    Attributes:
        stops: how the server stopped whenever it was asked to.
        mishaps: what it did that nobody had asked for.
    """

    def __init__(
        self, server: Server, tally: Tally, source: random.Random, *, pauses: bool = False
    ) -> None:
        """
        Args:
            server: whom it kills.
            tally: counts what is done to it.
            source: everything random comes from here.
            pauses: whether it lets the server stand still as often as it kills it.
        """
        self.stops: list[Stop] = []
        self.mishaps: list[str] = []
        self.gave_up = threading.Event()  # the server does not start any more
        self._server = server
        self._tally = tally
        self._source = source
        self._pauses = pauses
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="executioner")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Kill no more. Afterwards the server runs, unless it cannot be started."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._source.uniform(*self._source.choice(LIVES))):
            if self._pauses and self._source.random() < PAUSE_SHARE:
                self._let_stand_still()
                continue
            self._end()
            self._stopping.wait(self._source.uniform(0.0, PAUSE))
            try:
                self._begin()
            except ServerDied as error:
                self.mishaps.append(f"the server {error}")
                self.gave_up.set()
                return

    def _let_stand_still(self) -> None:
        self._tally.add("stood still")
        self._server.stand_still()
        self._stopping.wait(self._source.uniform(*self._source.choice(STILL)))
        self._server.go_on()

    def _end(self) -> None:
        try:
            self._server.check()
        except ServerDied as error:
            self.mishaps.append(f"the server {error}")
        if self._source.random() < STOP_SHARE:
            signum = self._source.choice([signal.SIGINT, signal.SIGTERM])
            self.stops.append(self._server.stop(signum))
            self._tally.add("stops")
        elif self._server.kill():
            self._tally.add("kills")

    def _begin(self) -> None:
        while self._source.random() < EARLY_SHARE:
            self._server.launch()
            self._stopping.wait(self._source.uniform(0.0, EARLY))
            if self._server.kill():
                self._tally.add("kills early")
        self._server.start()
