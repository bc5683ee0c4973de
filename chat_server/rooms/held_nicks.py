"""Nicks that are kept for a while for those whose connection was lost.

Nobody else gets such a nick, or one that looks like it, until its owner is back in the same session
or the time is over. So many are kept from one address, and so many in all, those that were lost
last: who comes and goes thousands of times keeps neither thousands of nicks from others nor memory.
"""

from collections import OrderedDict
from typing import NamedTuple

from chat_server.identity.participant import Participant
from chat_server.network.addresses import neighbourhood
from chat_server.runtime.clock import Clock
from protocol.text import nick_key, nick_skeleton

HOLD_SECONDS = 120.0
"""How long a nick is kept."""
HELD_PER_ADDRESS = 200
"""How many nicks are kept of those who came from one address."""
HELD_LIMIT = 10_000
"""How many nicks are kept in all."""


class Held(NamedTuple):
    """A nick that is kept.

    Attributes:
        token: the hash of the secret of the session that it is kept for.
        nick: as normalize_nick returned it.
        key: what nicks are compared by.
        skeleton: what it looks like.
        host: what its owner was counted under.
        until: when it is anybody's, in the clock's monotonic seconds.
    """

    token: bytes
    nick: str
    key: str
    skeleton: str
    host: str
    until: float


class HeldNicks:
    """The nicks that are kept. The registry's: it calls every method under its lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # All by session, the one that was lost first stands first. Nobody has more than one.
        self._held: OrderedDict[bytes, Held] = OrderedDict()
        self._keys: dict[str, Held] = {}
        self._looks: dict[str, Held] = {}
        self._hosts: dict[str, OrderedDict[bytes, None]] = {}  # the sessions of each, as above

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, session: Participant, host: str) -> None:
        """Keep the nick that a session has, and that nobody else has.

        Args:
            session: whose nick it is.
            host: the address that it was connected from, without a port.
        """
        self._drop_old()
        self.release(session.token)
        for other in (self._keys.get(session.key), self._looks.get(session.skeleton)):
            if other is not None:
                self.release(other.token)
        counted = neighbourhood(host)
        until = self._clock.monotonic() + HOLD_SECONDS
        held = Held(session.token, session.nick, session.key, session.skeleton, counted, until)
        self._held[held.token] = self._keys[held.key] = self._looks[held.skeleton] = held
        of_host = self._hosts.setdefault(counted, OrderedDict())
        of_host[held.token] = None
        if len(of_host) > HELD_PER_ADDRESS:
            self.release(next(iter(of_host)))
        if len(self._held) > HELD_LIMIT:
            self.release(next(iter(self._held)))

    def release(self, token: bytes) -> None:
        """Keep nothing for a session any more; `token` is the hash of its secret."""
        held = self._held.pop(token, None)
        if held is None:
            return
        del self._keys[held.key], self._looks[held.skeleton]
        of_host = self._hosts[held.host]
        del of_host[token]
        if not of_host:
            del self._hosts[held.host]

    def find(self, nick: str, token: bytes) -> tuple[Held, float] | None:
        """Return what keeps a session from a nick, and for how many seconds; None if nothing does.

        Args:
            nick: as normalize_nick returned it.
            token: the hash of the secret of the session that wants it.
        """
        self._drop_old()
        for held in (self._keys.get(nick_key(nick)), self._looks.get(nick_skeleton(nick))):
            if held is not None and held.token != token:
                return held, held.until - self._clock.monotonic()
        return None

    def _drop_old(self) -> None:
        now = self._clock.monotonic()
        while self._held and (first := next(iter(self._held.values()))).until <= now:
            self.release(first.token)
