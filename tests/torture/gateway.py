"""A client's way to the server: a proxy whose every connection gets faults of its own.

What happens to the n-th connection of a client, and after how many of its bytes, is drawn from
the seed, the client and n, and from nothing else.
"""

import math
import random
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.support.peer import connect_socket
from tests.support.proxy import Fault, Link, Proxy
from tests.torture.tally import Tally

# A proxy remembers all of its connections. So it is replaced after so many.
_LINKS_PER_PROXY = 100
# What "in whole pieces" is for a link, at the end of a split.
_WHOLE = 65536
# Half of the connections live until somebody else ends them.
_FATAL_SHARE = 0.5

_FATAL: dict[str, Fault] = {
    "clean": Link.cut,
    "reset": Link.reset,
    "half-close": Link.half_close,
}


class Gateway:
    """Connects one client. `connect` is the client's; the rest any thread may call."""

    def __init__(self, seed: str, upstreams: Sequence[str], tally: Tally) -> None:
        """
        Args:
            seed: the run's and the client's.
            upstreams: where the servers listen; each connection leads to one of them.
            tally: counts each fault when it happens.
        """
        self._seed = seed
        self._upstreams = upstreams
        self._choice = random.Random(f"{seed}/upstream")  # of the client's thread
        self._tally = tally
        # Guards all below. A leaf: what is ordered of a link is only noted by it.
        self._lock = threading.Lock()
        self._count = 0
        self._ceased = False
        self._links: list[Link] = []
        self._proxies = ExitStack()
        self._open_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._proxies.close()

    def connect(self) -> socket.socket:
        """Return a connection that leads to the server, or is closed at once if it is down."""
        if sum(len(proxy.links) for proxy in self._ways) >= _LINKS_PER_PROXY:
            self._proxies.close()
            self._open_all()
        return connect_socket(self._choice.choice(self._ways).address)

    def cease(self) -> None:
        """Let everything pass from now on, as fast as it can."""
        with self._lock:
            self._ceased = True
            links = list(self._links)
        for link in links:
            link.resume()
            link.delay(0.0)
            link.split(_WHOLE)

    def _open_all(self) -> None:
        self._ways = [
            self._proxies.enter_context(Proxy(upstream, self._script))
            for upstream in self._upstreams
        ]

    # -- the proxy's threads

    def _script(self, link: Link) -> None:
        with self._lock:
            over = [known for known in self._links if known.over]
            self._links = [known for known in self._links if not known.over]
            self._links.append(link)
            self._count += 1
            source = random.Random(f"{self._seed}/{self._count}")
            ceased = self._ceased
        for known in over:
            known.stop()  # gives back its last descriptor
        if ceased:
            return
        for count, fault in _troubles(source, self._counted):
            link.after(count, fault)

    def _counted(self, name: str, fault: Fault) -> Fault:
        """`fault`, unless all faults have ceased by then."""

        def happen(link: Link) -> None:
            with self._lock:
                if self._ceased:
                    return
            self._tally.add(name)
            fault(link)

        return happen


def _troubles(
    source: random.Random, counted: Callable[[str, Fault], Fault]
) -> list[tuple[int, Fault]]:
    """What happens to one link, each after so many bytes."""
    troubles: list[tuple[int, Fault]] = []
    for kind in source.choices((_stall, _delay, _split), k=source.randrange(4)):
        name, fault, lasts, end = kind(source)
        start = _log_uniform(source, 1, 100_000)
        troubles.append((start, counted(f"fault {name}", fault)))
        if end is not None:
            troubles.append((start + lasts, end))
    if source.random() < _FATAL_SHARE:
        name = source.choice(list(_FATAL))
        troubles.append((_log_uniform(source, 30, 300_000), counted(f"cut {name}", _FATAL[name])))
    return troubles


_Trouble = tuple[str, Fault, int, Fault | None]
"""A name, what it does, after how many bytes it ends, and what ends it."""


def _stall(source: random.Random) -> _Trouble:
    seconds = source.uniform(0.1, 4.0)
    return "stall", lambda link: link.stall(seconds), 0, None


def _delay(source: random.Random) -> _Trouble:
    seconds = source.uniform(0.005, 0.1)
    return "delay", lambda link: link.delay(seconds), 5000, lambda link: link.delay(0.0)


def _split(source: random.Random) -> _Trouble:
    size = source.choice((1, 2, 3, 5, 17, 100))
    return "split", lambda link: link.split(size), 300 * size, lambda link: link.split(_WHOLE)


def _log_uniform(source: random.Random, low: int, high: int) -> int:
    return round(math.exp(source.uniform(math.log(low), math.log(high))))
