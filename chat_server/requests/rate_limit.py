"""How fast a client may ask: buckets of tokens that fill with time.

A request takes a token from the bucket of its session and from that of its address. Both buckets
outlive the connection, so a client that reconnects goes on with what it had left. Before the hello
a connection has a bucket of its own in place of the session's.

A session that is new at an address begins with what the one that left there last has in its bucket
by now: over IRC and lines each connection is a new session, and who connects again and again would
have a full bucket each time.

A request takes a token of the session also when it is refused because there is none: so a client
that goes on asking runs into debt, has to wait for longer, and is ended when the debt is as large
as the bucket. An address runs into no debt, since others may share it.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Hashable
from weakref import WeakValueDictionary

from chat_server.network.addresses import neighbourhood
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import LiveSettings
from protocol.errors import Code, ProtocolError

CLIENTS_PER_ADDRESS = 40
"""An address may ask for as much as so many clients: a class behind one address is as large."""


class RateLimits:
    """The buckets of all sessions and addresses. Any thread may call any method.

    A bucket that is full is as good as a new one. So a bucket is kept for as long as a connection
    uses it, and after that until it is full.
    """

    def __init__(self, settings: LiveSettings, clock: Clock) -> None:
        """
        Args:
            settings: for the rate and the burst; what they are when a bucket is made counts.
            clock: what buckets fill by.
        """
        self._settings = settings
        self._clock = clock
        # Guards all below. A bucket's lock is taken with it held.
        self._lock = threading.Lock()
        self._buckets: WeakValueDictionary[Hashable, RateLimit] = WeakValueDictionary()
        self._kept: OrderedDict[RateLimit, None] = OrderedDict()  # those that may not be full
        # By address, those of sessions whose connections have ended: the last one stands last.
        self._left: OrderedDict[str, list[RateLimit]] = OrderedDict()

    def of_connection(self, host: str) -> "ConnectionRate | None":
        """Return the limit of a new connection, or None if requests are not limited.

        Args:
            host: the address that it is from, without a port. In IPv6 its /64 counts.
        """
        rate, burst = self._settings.now.requests_per_second, self._settings.now.requests_burst
        if not rate:
            return None
        where = neighbourhood(host)
        address = self._bucket(where, rate * CLIENTS_PER_ADDRESS, burst * CLIENTS_PER_ADDRESS)
        return ConnectionRate(self, where, address, RateLimit(rate, burst, self._clock))

    def of_session(self, token: bytes, where: str) -> "RateLimit | None":
        """Return the bucket of a session; None without a limit.

        Args:
            token: the hash of the session's secret.
            where: the address that its connection is from, see `addresses.neighbourhood`.
        """
        rate = self._settings.now.requests_per_second
        if not rate:
            return None
        return self._bucket(token, rate, self._settings.now.requests_burst, where)

    def leave(self, bucket: "RateLimit", where: str) -> None:
        """Let the next session that is new at an address go on with what a bucket has by then."""
        with self._lock:
            for _ in range(2):  # so those that are full go faster than others come
                if self._left:
                    oldest, buckets = self._left.popitem(last=False)
                    if left := [each for each in buckets if not each.is_full]:
                        self._left[oldest] = left
            if not bucket.is_full:
                self._left.setdefault(where, []).append(bucket)

    def __len__(self) -> int:
        """How many buckets are kept, whether a connection uses them or not."""
        with self._lock:
            return len(self._kept)

    def keep(self, bucket: "RateLimit") -> None:
        """Keep a bucket until it is full again: a token was taken from it."""
        with self._lock:
            self._keep(bucket)

    def _bucket(self, key: Hashable, rate: float, burst: int, where: str = "") -> "RateLimit":
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = RateLimit(rate, burst, self._clock)
                if where in self._left:
                    bucket.take_over(self._left[where].pop())
                    if not self._left[where]:
                        del self._left[where]
            self._keep(bucket)
            return bucket

    def _keep(self, bucket: "RateLimit") -> None:
        """With the lock held: keep a bucket, and look whether two others are full."""
        assert self._lock.locked()
        for _ in range(2):  # so those that are full go faster than others come
            if self._kept:
                oldest, _ = self._kept.popitem(last=False)
                oldest.is_kept = not oldest.is_full
                if oldest.is_kept:
                    self._kept[oldest] = None
        bucket.is_kept = True
        self._kept[bucket] = None


class ConnectionRate:
    """The limit of one connection. Its thread alone uses it."""

    __slots__ = ("_address", "_greeted", "_limits", "_own", "_where")

    def __init__(
        self, limits: RateLimits, where: str, address: "RateLimit", own: "RateLimit"
    ) -> None:
        """
        Args:
            limits: has the buckets of the sessions.
            where: the connection's address, see `addresses.neighbourhood`.
            address: the bucket of the connection's address.
            own: the connection's, until it has a session.
        """
        self._limits = limits
        self._where = where
        self._address = address
        self._own = own
        self._greeted = False

    def begin(self, token: bytes) -> None:
        """Let the bucket of a session count from now on, and for the hello.

        Args:
            token: the hash of the session's secret.
        """
        self._own = self._limits.of_session(token, self._where) or self._own
        self._greeted = True
        self._own.take()

    def end(self) -> None:
        """Say that the connection has ended. Called at most once."""
        if self._greeted:
            self._limits.leave(self._own, self._where)

    def take(self) -> ProtocolError | None:
        """Take a token for a request, and return why the request is refused, if it is.

        That is `rate_limited`, with the time to wait, or `flooding`, which is fatal.
        """
        refusal = self._own.take() or self._address.take_shared(1)
        for bucket in (self._own, self._address):
            if not bucket.is_kept:
                self._limits.keep(bucket)
        return refusal

    def take_idle(self, parts: int) -> ProtocolError | None:
        """Take tokens for what came and asks for nothing. Nothing of it is refused: it is
        `flooding`, which is returned, or it is let be.

        Who has not said hello yet is a flooder as soon as the address has no tokens left, as a
        connection costs nothing.
        """
        refusal = self._own.take(parts)
        if refusal is None or not refusal.fatal:
            shared = self._address.take_shared(parts)
            if shared is None or self._greeted:
                return None
            refusal = ProtocolError(Code.FLOODING, f"{shared.text}; what was sent asks for nothing")
        return refusal

    def charge(self, cost: int) -> None:
        """Take the tokens of a request that takes the server as long as `cost` others do."""
        self._own.charge(cost)
        self._address.take_shared(cost - 1)


class RateLimit:
    """One bucket. Any thread may call any method.

    Attributes:
        is_kept: whether RateLimits keeps it; written under the lock there. An older value does no
            harm, as the next request looks again.
    """

    __slots__ = (
        "__weakref__",
        "_burst",
        "_clock",
        "_filled_at",
        "_lock",
        "_rate",
        "_tokens",
        "is_kept",
    )

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
        self.is_kept = False
        # Guards the next two. A leaf.
        self._lock = threading.Lock()
        self._tokens = float(burst)
        self._filled_at = clock.monotonic()

    @property
    def tokens(self) -> float:
        """How many tokens it holds by now; below 0 is debt."""
        with self._lock:
            self._fill()
            return self._tokens

    @property
    def is_full(self) -> bool:
        """Whether it holds all the tokens that it can."""
        return self.tokens >= self._burst

    def take_over(self, other: "RateLimit") -> None:
        """Begin with what another bucket holds by now; its debt stays where it is."""
        tokens = max(0.0, other.tokens)
        with self._lock:
            self._tokens = min(self._tokens, tokens)

    def charge(self, cost: int) -> None:
        """Take the tokens of a request that takes the server as long as `cost` others do.

        Whoever waits as long as it is told can go on: this alone makes nobody a flooder.
        """
        with self._lock:
            self._tokens = max(self._tokens - (cost - 1), min(self._tokens, -self._burst / 2))

    def take(self, count: int = 1) -> ProtocolError | None:
        """Take a token for a request, and return why the request is refused, if it is.

        That is `rate_limited`, with the time to wait, or `flooding`, which is fatal.

        Args:
            count: how many tokens it takes.
        """
        with self._lock:
            self._fill()
            self._tokens -= count
            tokens = self._tokens
        if tokens >= 0:
            return None
        rule = f"at most {self._rate:g} requests a second, after {self._burst} at once"
        if tokens < -self._burst:
            return ProtocolError(
                Code.FLOODING, f"{rule}: more were sent, and went on being sent when refused"
            )
        wait = self._time_for(1 - tokens)
        return ProtocolError(
            Code.RATE_LIMITED, f"{rule}: wait {wait:g} s and send it again", retry_after=wait
        )

    def take_shared(self, count: int) -> ProtocolError | None:
        """Take tokens from a bucket that several share, as far as there are any.

        Returns: why the request is refused (`rate_limited`), if there was not one token.
        """
        with self._lock:
            self._fill()
            if self._tokens >= 1:
                self._tokens = max(0.0, self._tokens - count)
                return None
            wait = self._time_for(1 - self._tokens)
        return ProtocolError(
            Code.RATE_LIMITED,
            f"at most {self._rate:g} requests a second, after {self._burst} at once, from one "
            f"address: wait {wait:g} s and send it again",
            retry_after=wait,
        )

    def _time_for(self, tokens: float) -> float:
        """Return in how many seconds so many more are there: whole ms, so that none is too few."""
        return math.ceil(tokens / self._rate * 1000) / 1000

    def _fill(self) -> None:
        """With the lock held: add the tokens of the time since the last call."""
        assert self._lock.locked()
        now = self._clock.monotonic()
        self._tokens = min(float(self._burst), self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
