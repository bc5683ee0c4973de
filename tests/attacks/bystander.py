"""The bystander: does one thing of each kind every now and then, and notes what each took."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing

from tests.attacks.attack import CROWD
from tests.support.peer import Peer

SOURCE = "127.0.0.2"
"""The bystander's address: no limit by address is shared with an attacker."""

ROOM = "garden"

Step = Callable[[], None]


class Watch(threading.Thread):
    """Takes one step again and again, by the clock, and notes how late each was done.

    A step that is due while the one before has not ended counts as well, with the time that it
    would have waited: or a server that stands still for a second would look good.

    Attributes:
        taken: seconds, one for each step that was due.
        fault: what ended it before it was told to end, if anything.
    """

    def __init__(self, kind: str, step: Step, interval: float) -> None:
        """
        Args:
            kind: what is done.
            step: does it, and returns when it is done.
            interval: seconds from one to the next.
        """
        super().__init__(name=f"bystander {kind}", daemon=True)
        self._step = step
        self._interval = interval
        self._stopping = threading.Event()
        self.taken: list[float] = []
        self.fault = ""

    def run(self) -> None:
        """Do it until `stop`."""
        due = time.monotonic()
        try:
            while not self._stopping.wait(max(0.0, due - time.monotonic())):
                self._step()
                now = time.monotonic()
                while due <= now:
                    self.taken.append(now - due)
                    due += self._interval
        except (OSError, AssertionError, TimeoutError) as error:
            self.fault = f"{self.name}: {error!r}"

    def stop(self) -> None:
        """End it after the step that is under way, and wait for that."""
        self._stopping.set()
        self.join(30)


class Bystander:
    """Several clients in a room of their own, and one that watches the crowd's room if asked."""

    def __init__(self, port: int, opened: ExitStack, *, in_crowd: bool = False) -> None:
        """
        Args:
            port: where the server listens.
            opened: gets what closes the connections.
            in_crowd: whether what is said in the crowd's room is measured, too.
        """
        self._port = port
        self._opened = opened
        self._visits = 0
        self._steps: dict[str, tuple[Step, float]] = {
            "say": (self._say(ROOM), 0.05),
            "ping": (self._enter("pia").ping, 0.05),
            "tell": (self._tell(), 0.05),
            "join": (self._join(), 0.1),
            "search": (self._search(), 0.1),
            "hello": (self._hello, 0.05),
        }
        if in_crowd:
            self._steps["crowd"] = (self._say(CROWD), 0.05)

    def watch(self, seconds: float) -> tuple[dict[str, list[float]], list[str]]:
        """Do everything for some seconds. Return what each kind took, and what went wrong."""
        watches = {kind: Watch(kind, *step) for kind, step in self._steps.items()}
        for watch in watches.values():
            watch.start()
        time.sleep(seconds)
        for watch in watches.values():
            watch.stop()
        faults = [watch.fault for watch in watches.values() if watch.fault]
        return {kind: watch.taken for kind, watch in watches.items()}, faults

    def _connect(self) -> Peer:
        return Peer(
            socket.create_connection(("127.0.0.1", self._port), 20, source_address=(SOURCE, 0))
        )

    def _enter(self, nick: str, *rooms: str) -> Peer:
        peer = self._opened.enter_context(closing(self._connect()))
        answer = peer.hello(nick)
        assert answer["type"] == "welcome", answer
        for room in rooms:
            peer.join(room)
        return peer

    def _say(self, room: str) -> Step:
        talker, listener = self._enter(f"ann-{room}", room), self._enter(f"ben-{room}", room)

        def step() -> None:
            asked = talker.post("say", room=room, text=f"{talker.nick} says {time.monotonic()}")
            listener.take(lambda frame: frame.get("from") == talker.nick)
            talker.reply(asked)
            talker.queue.clear()
            listener.queue.clear()

        return step

    def _tell(self) -> Step:
        teller, told = self._enter("tom"), self._enter("tim")

        def step() -> None:
            asked = teller.post("tell", to="tim", text="psst")
            told.expect("direct")
            assert teller.reply(asked)["type"] == "ok"

        return step

    def _join(self) -> Step:
        peer = self._enter("joe")

        def step() -> None:
            peer.join("shed")
            peer.post("leave", room="shed")  # not measured: its reply is read by the next join
            peer.queue.clear()

        return step

    def _search(self) -> Step:
        peer = self._enter("sue", ROOM)

        def step() -> None:
            peer.page("search", room=ROOM, query="says", limit=10)
            peer.queue.clear()

        return step

    def _hello(self) -> None:
        with closing(self._connect()) as peer:
            self._visits += 1
            answer = peer.hello(f"visitor{self._visits}")
            assert answer["type"] == "welcome", answer
            peer.post("bye")
