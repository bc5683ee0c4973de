"""How much memory all connections take for what was sent in part: a budget that they share.

Each gateway bounds what it keeps of one connection, at 64 KiB for a frame. Thousands of connections
that each send half a frame would take hundreds of megabytes, and nobody can tell them from slow
ones. So when the budget is spent the connection with the most goes, of the address with the most:
whoever spends it ends their own connections, however many there are.
"""

import threading
from typing import Generic, Protocol, TypeVar

from protocol.errors import Code

UNFINISHED_LIMIT = 64 * 1024 * 1024
"""Bytes. A thousand clients may be in the middle of the longest frame at the same moment."""

_WHY = (
    "what was sent in part, and not to its end, takes too much memory in all, and most of it at "
    "your address: send whole frames, lines and messages"
)


class Closable(Protocol):
    """A connection, as far as it is counted."""

    def close(self, code: Code, text: str) -> None:
        """Say goodbye."""
        ...

    def abort(self) -> None:
        """End it without waiting for anything."""
        ...


AnyConnection = TypeVar("AnyConnection", bound=Closable)


class Unfinished(Generic[AnyConnection]):
    """The bytes that are kept for each connection. Any thread may call any method."""

    def __init__(self, limit: int) -> None:
        """`limit` is how many bytes all connections may take together."""
        self._limit = limit
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._total = 0
        self._addresses: dict[str, _Address[AnyConnection]] = {}
        self._address_of: dict[AnyConnection, str] = {}  # of those that have some

    @property
    def total(self) -> int:
        """How many bytes all take together."""
        with self._lock:
            return self._total

    def count(self, connection: AnyConnection, address: str, size: int) -> None:
        """Note how much is kept for a connection now. Where all take too much, the largest ends.

        Args:
            connection: whose bytes they are.
            address: where it is from; it shares that with others.
            size: bytes.
        """
        if not size and connection not in self._address_of:  # its own thread alone puts it there
            return
        with self._lock:
            self._put(connection, address, size)
            largest = []
            while self._total > self._limit:
                largest.append(self._drop_largest())
        for each in largest:
            each.close(Code.FLOODING, _WHY)
            each.abort()  # its thread wakes, and lets go of what it keeps

    def forget(self, connection: AnyConnection) -> None:
        """Count a connection no more: it keeps nothing."""
        with self._lock:
            self._put(connection, self._address_of.get(connection, ""), 0)

    # -- with the lock held

    def _put(self, connection: AnyConnection, name: str, size: int) -> None:
        assert self._lock.locked()
        address = self._addresses.get(name)
        if address is None:
            if not size:
                return
            address = self._addresses[name] = _Address()
        more = size - address.sizes.pop(connection, 0)
        self._total += more
        address.total += more
        if size:
            address.sizes[connection] = size
            self._address_of[connection] = name
        else:
            self._address_of.pop(connection, None)
        if not address.sizes:
            del self._addresses[name]

    def _drop_largest(self) -> AnyConnection:
        assert self._lock.locked()
        name, address = max(self._addresses.items(), key=lambda item: item[1].total)
        largest = max(address.sizes, key=address.sizes.__getitem__)
        self._put(largest, name, 0)
        return largest


class _Address(Generic[AnyConnection]):
    """What the connections of one address take."""

    __slots__ = ("sizes", "total")

    def __init__(self) -> None:
        self.total = 0
        self.sizes: dict[AnyConnection, int] = {}
