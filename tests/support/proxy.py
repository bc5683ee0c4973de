"""A TCP proxy that does to its connections what networks do: cut, stall, delay, split.

One thread accepts; one thread per connection (a Link) moves the bytes of both directions and is
the only one that touches its two sockets. A fault is ordered from any thread, happens on the
link's own, and can be tied to a number of bytes, so that one seed brings one and the same fault
back at the same byte.
"""

import random
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.peer import connect_socket
from tests.support.waiting import DEADLINE, eventually

_CHUNK = 65536
_FOREVER = float("inf")

Fault = Callable[["Link"], None]


class _Flow:
    """One direction of a link: what was read on one side and is not yet written on the other."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.pending = bytearray()
        self.due = 0.0  # when `pending` may go on
        self.passed = 0  # bytes that were written
        self.stalled_until = 0.0
        self.delay = 0.0
        self.piece = _CHUNK
        self.ended = False  # the source said that nothing more will come
        self.finished = False  # the sink was told

    def wants_read(self, now: float) -> bool:
        return not (self.pending or self.ended or self.finished) and now >= self.stalled_until

    def wants_write(self, now: float) -> bool:
        return bool(self.pending) and now >= max(self.due, self.stalled_until)

    def next_change(self, now: float) -> float:
        """When the answers above may change by time alone."""
        moments = [self.stalled_until, self.due if self.pending else 0.0]
        return min((moment for moment in moments if moment > now), default=_FOREVER)

    def read(self) -> None:
        data = self.source.recv(_CHUNK)
        self.ended = not data
        self.pending += data
        self.due = time.monotonic() + self.delay

    def write(self) -> None:
        sent = self.sink.send(self.pending[: self.piece])
        del self.pending[:sent]
        self.passed += sent

    def finish(self) -> None:
        if not self.finished:
            self.finished = True
            self.sink.shutdown(socket.SHUT_WR)


class Link:
    """One connection through the proxy, and the faults that can be put on it.

    Every method may be called from any thread.
    """

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client, self._server = client, server
        self._up, self._down = _Flow(client, server), _Flow(server, client)
        self._lock = threading.Lock()  # guards _orders
        self._orders: deque[Callable[[], None]] = deque()
        self._triggers: list[tuple[int, Fault]] = []
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy-link")
        for end in (client, server, self._wake_receiver):
            end.setblocking(False)

    @property
    def over(self) -> bool:
        """Whether both sides are closed."""
        return self._over.is_set()

    @property
    def passed(self) -> int:
        """How many bytes have passed, both ways."""
        return self._up.passed + self._down.passed

    def start(self) -> None:
        """Let the bytes flow."""
        self._thread.start()

    def cut(self) -> None:
        """Close both sides in good order."""
        self._order(self._close)

    def reset(self) -> None:
        """Break both sides with a TCP reset."""
        self._order(self._reset)

    def half_close(self) -> None:
        """Tell the server that its client will send no more; the other way stays open."""
        self._order(self._up.finish)

    def stall(self, seconds: float = _FOREVER) -> None:
        """Move nothing, either way, for so long or until `resume`."""
        self._order(lambda: self._set_stall(time.monotonic() + seconds))

    def resume(self) -> None:
        """End a stall."""
        self._order(lambda: self._set_stall(0.0))

    def delay(self, seconds: float) -> None:
        """Hold every piece for so long before it goes on, both ways."""
        self._order(lambda: self._set("delay", seconds))

    def split(self, size: int) -> None:
        """Write at most `size` bytes at a time, both ways."""
        self._order(lambda: self._set("piece", size))

    def after(self, count: int, fault: Fault) -> None:
        """Call `fault` with this link once `count` bytes have passed, on the link's thread."""
        self._order(lambda: self._triggers.append((count, fault)))

    def stop(self) -> None:
        """Close both sides and wait for the thread."""
        self.cut()
        self._thread.join(DEADLINE)
        self._wake_sender.close()

    # -- on the link's own thread -------------------------------------------------------------

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            try:
                while not self.over:
                    self._turn(selector)
            except OSError:  # one side broke: so does the other
                self._reset()
        self._wake_receiver.close()

    def _turn(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()  # one for both: nothing may fall due between the two
        for side in (self._client, self._server):
            _watch(selector, side, self._interest(side, now))
        for key, events in selector.select(self._patience(now)):
            self._serve(key.fileobj, events)
        self._obey()
        self._pull_triggers()
        self._pass_ends()

    def _interest(self, side: socket.socket, now: float) -> int:
        interest = 0
        for flow in (self._up, self._down):
            if flow.source is side and flow.wants_read(now):
                interest |= selectors.EVENT_READ
            if flow.sink is side and flow.wants_write(now):
                interest |= selectors.EVENT_WRITE
        return interest

    def _patience(self, now: float) -> float | None:
        moment = min(self._up.next_change(now), self._down.next_change(now))
        return None if moment == _FOREVER else moment - now

    def _serve(self, side: object, events: int) -> None:
        if side is self._wake_receiver:
            self._wake_receiver.recv(4096)
            return
        for flow in (self._up, self._down):
            with suppress(BlockingIOError):  # the selector was too hopeful
                if flow.source is side and events & selectors.EVENT_READ:
                    flow.read()
                if flow.sink is side and events & selectors.EVENT_WRITE:
                    flow.write()

    def _obey(self) -> None:
        while True:
            with self._lock:
                if not self._orders or self.over:
                    return
                order = self._orders.popleft()
            order()

    def _pull_triggers(self) -> None:
        due = [trigger for trigger in self._triggers if self.passed >= trigger[0]]
        for trigger in due:
            self._triggers.remove(trigger)
            trigger[1](self)
        if due:
            self._obey()

    def _pass_ends(self) -> None:
        if self.over:
            return
        for flow in (self._up, self._down):
            if flow.ended and not flow.pending:
                flow.finish()
        if self._up.ended and self._down.ended and not (self._up.pending or self._down.pending):
            self._close()

    def _order(self, action: Callable[[], None]) -> None:
        with self._lock:
            self._orders.append(action)
        try:
            self._wake_sender.send(b"!")
        except OSError:  # the link is over: there is nothing left to do it to
            return

    def _set(self, name: str, value: float) -> None:
        for flow in (self._up, self._down):
            setattr(flow, name, value)

    def _set_stall(self, until: float) -> None:
        self._set("stalled_until", until)

    def _close(self) -> None:
        self._client.close()
        self._server.close()
        self._over.set()

    def _reset(self) -> None:
        for side in (self._client, self._server):
            if side.fileno() >= 0:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._close()


class Proxy:
    """Listens on a port of its own and forwards each connection to `upstream`.

    Attributes:
        address: where clients connect, `tcp://127.0.0.1:PORT`.
        upstream: where connections lead; may be changed while it runs.
    """

    def __init__(self, upstream: object, script: Fault | None = None) -> None:
        """Args:
        upstream: an address, as `connect_socket` takes it.
        script: called with each new link before a byte flows.
        """
        self.upstream = upstream
        self._script = script
        self._lock = threading.Lock()  # guards _links
        self._links: list[Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name="proxy-accept")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE)
        self._listener.close()
        for link in self.links:
            link.stop()

    @property
    def links(self) -> list[Link]:
        """Every connection so far, in the order in which they came."""
        with self._lock:
            return list(self._links)

    def link(self, number: int = 0) -> Link:
        """Return the connection with that number, once it is there."""
        eventually(lambda: len(self.links) > number)
        return self.links[number]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._forward(client)

    def _forward(self, client: socket.socket) -> None:
        try:
            server = connect_socket(self.upstream)
        except OSError:  # nobody listens there now: the client is told the same
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(client, server)
        if self._script:
            self._script(link)
        with self._lock:
            self._links.append(link)
        link.start()


def mischief(seed: int, *, life: int = 200_000, patience: float = 0.2) -> Fault:
    """Return a script that gives every link some faults, drawn from `seed`.

    Args:
        seed: the same seed gives the same links the same faults at the same bytes.
        life: about how many bytes a link carries before it is broken.
        patience: the longest stall and delay in seconds.
    """
    source = random.Random(seed)

    def troubles() -> list[tuple[int, Fault]]:
        stall, hold = source.uniform(0, patience), source.uniform(0, patience / 20)
        size = source.choice([1, 3, 7, 100, 1400])
        small: list[Fault] = [
            lambda link: link.stall(stall),
            lambda link: link.delay(hold),
            lambda link: link.split(size),
        ]
        fatal: Fault = source.choice([Link.cut, Link.reset, Link.half_close])
        passing = [(source.randrange(life), fault) for fault in source.sample(small, 2)]
        return [*passing, (source.randrange(1, life), fatal)]

    def script(link: Link) -> None:
        for count, fault in troubles():
            link.after(count, fault)

    return script


def _watch(selector: selectors.BaseSelector, side: socket.socket, interest: int) -> None:
    """Make `interest` what `selector` waits for on `side`."""
    known = side in selector.get_map()
    if not interest:
        if known:
            selector.unregister(side)
    elif known:
        selector.modify(side, interest)
    else:
        selector.register(side, interest)
