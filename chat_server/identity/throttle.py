"""How often a secret may be guessed wrong: a few times at once, then less and less often.

Whoever has to wait is told so at once, whether the guess is right or wrong, and it is not looked
at. Nothing waits in the server: an answer that is held back holds a connection and its thread, of
which one address may have thousands, and does not slow somebody who tries on many at once and
goes with the first that is let in.
"""

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from chat_server.runtime.clock import Clock
from protocol.errors import Code, ProtocolError

FREE = 5
"""So many wrong ones are anybody's mistakes, or one each of a few people behind one address."""

FIRST_WAIT = 1.0
"""Seconds after the one that was too many; each further one doubles them."""

LONGEST_WAIT = 60.0
"""Seconds, the longest wait: 1,440 guesses a day, of the millions that even a poor password takes.
Who lets a whole class wait by guessing wrong on purpose, from behind the same address, lets it wait
so long.
"""

FORGOTTEN_AFTER = 900.0
"""An address that has not been wrong for so long, in seconds, begins anew."""

ADDRESSES = 10_000
"""So many addresses are remembered, those that were wrong last: 2 MB."""

PEOPLE_OF_NETWORK = 40
LONGEST_OF_NETWORK = 1.0
"""In IPv6 one machine can have all addresses of its /64, and a whole school has one as well. So
that is counted, too, and has the mistakes of so many people free, and waits so many seconds at
most: 86,400 guesses a day for who goes through the addresses, and no wait to speak of for the
others.
"""

RULE = "too many wrong passwords came from your address"


class _Limit(NamedTuple):
    """What is counted under one key, and how long who is wrong too often waits at most."""

    key: str
    free: int
    longest: float


class Throttle:
    """Counts the wrong guesses of each address, or of what else is given as `host`.

    Any thread may call any method.
    """

    def __init__(
        self, clock: Clock, *, free: int = FREE, longest: float = LONGEST_WAIT, rule: str = RULE
    ) -> None:
        """
        Args:
            clock: what is waited by.
            free: so many may be wrong at once.
            longest: no wait is longer, in seconds.
            rule: what somebody is told who has to wait, without the time.
        """
        self._clock = clock
        self._free = free
        self._longest = longest
        self._rule = rule
        self._lock = threading.Lock()  # guards _wrong. A leaf.
        # How many were wrong, when the last was; the one that was wrong last stands last.
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def guess(self, host: str, is_right: Callable[[], bool]) -> bool:
        """Return whether a guess is right, and count it if not.

        Args:
            host: the address of who guesses.
            is_right: looks at it; so quick that others wait for it. Not called when the address
                has to wait.

        Raises:
            ProtocolError: `rate_limited`, with the time to wait.
        """
        with self._lock:
            self._may(host)
            if is_right():
                return True
            self._count(host)
            return False

    def begin(self, host: str) -> None:
        """Count a guess as wrong before it is looked at, which may take long: see `right`.

        Raises:
            ProtocolError: `rate_limited`, with the time to wait.
        """
        with self._lock:
            self._may(host)
            self._count(host)

    def right(self, host: str) -> None:
        """Take back that the guess which began was wrong. What was wrong before stays so."""
        with self._lock:
            for limit in self._limits(host):
                count, at = self._wrong.get(limit.key, (0, 0.0))
                if count > 1:
                    self._wrong[limit.key] = count - 1, at
                else:
                    self._wrong.pop(limit.key, None)

    def _limits(self, host: str) -> list[_Limit]:
        """Under what the guesses of an address are counted."""
        limits = [_Limit(host, self._free, self._longest)]
        network = _network(host)
        if network:
            free, longest = self._free * PEOPLE_OF_NETWORK, min(LONGEST_OF_NETWORK, self._longest)
            limits.append(_Limit(network, free, longest))
        return limits

    def _may(self, host: str) -> None:
        """With the lock held: see that an address may guess now."""
        assert self._lock.locked()
        wait = max(self._wait(limit) for limit in self._limits(host))
        if wait > 0:
            raise ProtocolError(
                Code.RATE_LIMITED, f"{self._rule}: wait {math.ceil(wait)} s", retry_after=wait
            )

    def _wait(self, limit: _Limit) -> float:
        """With the lock held: how long it is until the next guess."""
        assert self._lock.locked()
        count, at = self._wrong.get(limit.key, (0, 0.0))
        now = self._clock.monotonic()
        if count and now - at >= FORGOTTEN_AFTER:
            del self._wrong[limit.key]
            return 0.0
        if count <= limit.free:
            return 0.0
        return at + min(FIRST_WAIT * 2.0 ** (count - limit.free - 1), limit.longest) - now

    def _count(self, host: str) -> None:
        """With the lock held: one more wrong one."""
        assert self._lock.locked()
        for limit in self._limits(host):
            count, _ = self._wrong.pop(limit.key, (0, 0.0))
            # Beyond what doubles the wait nothing need be counted.
            self._wrong[limit.key] = min(count + 1, limit.free + 10), self._clock.monotonic()
            if len(self._wrong) > ADDRESSES:
                self._wrong.popitem(last=False)


def _network(host: str) -> str:
    """The /64 that an address of IPv6 is in; nothing for others, and for a Unix socket."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.version == 4:
        return ""
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
