"""How fast a client may ask: a bucket of tokens that fills with time.

A request takes a token, also one that is refused because there is none: so who goes on asking runs
into debt, has to wait for longer, and is a flooder when the debt is as large as the bucket.
"""

from chat_server.runtime.clock import Clock
from protocol.errors import Code, ProtocolError


class RateLimit:
    """One client's bucket. Its connection's thread alone uses it."""

    __slots__ = ("_burst", "_clock", "_filled_at", "_rate", "_tokens")

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        """
        Args:
            rate: tokens a second.
            burst: how many tokens the bucket holds.
            clock: what it fills by.
        """
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at = clock.monotonic()

    def charge(self, cost: int) -> None:
        """Take the tokens of a request that takes the server as long as `cost` others do.

        Whoever waits as long as it is told can go on: this alone makes nobody a flooder.
        """
        self._tokens = max(self._tokens - (cost - 1), min(self._tokens, -self._burst / 2))

    def take(self) -> ProtocolError | None:
        """Take a token for a request, and return why the request is refused, if it is.

        That is `rate_limited`, with the time to wait, or `flooding`, which is fatal.
        """
        now = self._clock.monotonic()
        filled = self._tokens + (now - self._filled_at) * self._rate
        self._tokens = min(float(self._burst), filled) - 1
        self._filled_at = now
        if self._tokens >= 0:
            return None
        rule = f"at most {self._rate:g} requests a second, after {self._burst} at once"
        if self._tokens < -self._burst:
            return ProtocolError(
                Code.FLOODING, f"{rule}: more were sent, and went on being sent when refused"
            )
        wait = -self._tokens / self._rate
        return ProtocolError(
            Code.RATE_LIMITED, f"{rule}: wait {wait:.1f} s and send it again", retry_after=wait
        )
