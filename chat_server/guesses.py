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

from chat_server.clock import Clock
from protocol.errors import Code, ProtocolError

# So many wrong ones are anybody's mistakes, or one each of a few people behind one address.
FREE = 5
# Seconds after the one that was too many; each further one doubles them.
FIRST_WAIT = 1.0
# And no longer: 1,440 guesses a day, of the millions that even a poor password takes. Who lets a
# whole class wait by guessing wrong on purpose, from behind the same address, lets it wait so long.
LONGEST_WAIT = 60.0
# An address that has not been wrong for so long, in seconds, begins anew.
FORGOTTEN_AFTER = 900.0
# So many addresses are remembered, those that were wrong last: 2 MB.
ADDRESSES = 10_000
RULE = "too many wrong passwords came from your address"


class Guesses:
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
            key = self._may(host)
            if is_right():
                return True
            self._count(key)
            return False

    def begin(self, host: str) -> None:
        """Count a guess as wrong before it is looked at, which may take long: see `right`.

        Raises:
            ProtocolError: `rate_limited`, with the time to wait.
        """
        with self._lock:
            self._count(self._may(host))

    def right(self, host: str) -> None:
        """Take back that the guess which began was wrong. What was wrong before stays so."""
        with self._lock:
            key = _key(host)
            count, at = self._wrong.get(key, (0, 0.0))
            if count > 1:
                self._wrong[key] = count - 1, at
            else:
                self._wrong.pop(key, None)

    def _may(self, host: str) -> str:
        """With the lock held: the key of an address that may guess now."""
        key = _key(host)
        count, at = self._wrong.get(key, (0, 0.0))
        now = self._clock.monotonic()
        if count and now - at >= FORGOTTEN_AFTER:
            del self._wrong[key]
            return key
        if count > self._free:
            wait = at + min(FIRST_WAIT * 2.0 ** (count - self._free - 1), self._longest) - now
            if wait > 0:
                raise ProtocolError(
                    Code.RATE_LIMITED,
                    f"{self._rule}: wait {math.ceil(wait)} s",
                    retry_after=wait,
                )
        return key

    def _count(self, key: str) -> None:
        """With the lock held: one more wrong one."""
        count, _ = self._wrong.pop(key, (0, 0.0))
        # Beyond what doubles the wait nothing need be counted.
        self._wrong[key] = min(count + 1, self._free + 10), self._clock.monotonic()
        if len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)


def _key(host: str) -> str:
    """What an address is counted under: in IPv6 its /64, of which one machine has all."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a Unix socket
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
