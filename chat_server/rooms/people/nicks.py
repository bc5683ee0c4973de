"""Nicks: who has which, who had it until a moment ago, and for whom one is kept.

All of this is the registry's. It calls every method with its lock held, as a nick is given out
together with the session and the account that it belongs to.
"""

from collections import OrderedDict
from typing import NamedTuple

from chat_server.identity.accounts import Accounts
from chat_server.identity.participant import Participant
from chat_server.identity.roles import Role
from chat_server.network.addresses import neighbourhood
from chat_server.rooms.people.session import Session
from chat_server.runtime.clock import Clock
from protocol.common.durations import show_duration
from protocol.errors import Code, ProtocolError
from protocol.text import nick_key, nick_skeleton

HOLD_SECONDS = 120.0
"""How long a nick is kept."""
HELD_PER_ADDRESS = 200
"""How many nicks are kept of those who came from one address."""
HELD_LIMIT = 10_000
"""How many nicks are kept in all."""
FORMER_SECONDS = 600.0
"""How long the last owner of a nick is remembered: they can still be banned by it."""
FORMER_LIMIT = 1000
"""How many last owners are remembered."""


class Former(NamedTuple):
    """The last owner of a nick that nobody has now.

    Attributes:
        until: when they had it last, in the clock's monotonic seconds.
        token: the hash of the session's secret.
        account: the number of the account that the session was logged in to.
        role: the role that they had.
    """

    until: float
    token: bytes
    account: int | None
    role: Role


class Nicks:
    """The nicks of everybody who is connected. Not thread-safe: see above."""

    def __init__(self, clock: Clock, accounts: Accounts) -> None:
        """
        Args:
            clock: for how long a nick is kept, and its last owner remembered.
            accounts: for the role of the last owner of a nick.
        """
        self._clock = clock
        self._accounts = accounts
        self._keys: dict[str, Session] = {}
        self._looks: dict[str, Session] = {}  # the same by skeleton
        self._former: OrderedDict[str, Former] = OrderedDict()  # by key, the oldest first
        self._held = HeldNicks(clock)

    def sessions(self) -> list[Session]:
        """Return the sessions of everybody who has a nick."""
        return list(self._keys.values())

    def find(self, nick: str) -> Session | None:
        """Return the session that has `nick`."""
        return self._keys.get(nick_key(nick))

    def has(self, session: Session) -> bool:
        """Return whether a session has its nick: it may have lost it to another."""
        return self._keys.get(session.key) is session

    def holders(self, session: Session, nick: str) -> list[Session]:
        """Return which other sessions have `nick`, or one that looks like it."""
        by_key, by_look = self._keys.get(nick_key(nick)), self._looks.get(nick_skeleton(nick))
        found = [by_key] if by_key is by_look else [by_key, by_look]
        return [holder for holder in found if holder is not None and holder is not session]

    def holder_of(self, nick: str) -> str | None:
        """Return the nick of who has `nick`, or one that looks like it."""
        holder = self._keys.get(nick_key(nick)) or self._looks.get(nick_skeleton(nick))
        return None if holder is None else holder.nick

    def give(self, session: Session, nick: str) -> None:
        """Give a session a nick that no other session has, in place of the one that it had."""
        self.free(session)
        self._held.release(session.token)
        session.take_nick(nick)
        self._keys[session.key] = self._looks[session.skeleton] = session

    def free(self, session: Session) -> None:
        """Let others have the nick that a session has, if any, and remember whose it was."""
        if not self.has(session):
            return
        del self._keys[session.key]
        del self._looks[session.skeleton]
        self._former.pop(session.key, None)
        self._former[session.key] = Former(
            self._clock.monotonic(),
            session.token,
            session.account,
            self._accounts.role_of(session),
        )
        if len(self._former) > FORMER_LIMIT:
            self._former.popitem(last=False)

    def former(self, nick: str) -> Former | None:
        """Return who had `nick` last, if nobody has it now and that is not long ago."""
        key = nick_key(nick)
        former = self._former.get(key)
        if former is None or key in self._keys:
            return None
        recent = self._clock.monotonic() - former.until < FORMER_SECONDS
        return former if recent else None

    def hold(self, session: Session, host: str) -> None:
        """Keep the nick of a session, which is free, for a while: its connection was lost.

        Args:
            session: whose nick it is.
            host: the address that it was connected from, without a port.
        """
        self._held.hold(session, host)

    def awaited(self, nick: str) -> bytes | None:
        """Return the hash of the secret of the session that `nick` is kept for, if it is."""
        return self._held.token_of(nick)

    def held_for(self, token: bytes) -> str | None:
        """Return the nick that is kept for the session whose secret has the hash `token`."""
        return self._held.nick_of(token)

    def check_held(self, session: Session, nick: str) -> None:
        """See that a nick is kept for no other session.

        Raises:
            ProtocolError: `nick_in_use`.
        """
        found = self._held.find(nick, session.token)
        if found is not None:
            raise _is_held(nick, *found)


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
    """The nicks that are kept for people whose connection was lost, and those that look like them.

    Nobody else gets such a nick until its owner is back in the same session or the time is over.
    The number is bounded for each address and in all; the nicks that were lost last are kept. So
    somebody who comes and goes thousands of times takes neither thousands of nicks nor memory.

    Not thread-safe: the registry calls every method with its lock held.
    """

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

    def nick_of(self, token: bytes) -> str | None:
        """Return the nick that is kept for a session; `token` is the hash of its secret."""
        self._drop_old()
        held = self._held.get(token)
        return None if held is None else held.nick

    def token_of(self, nick: str) -> bytes | None:
        """Return the hash of the secret of the session that exactly this nick is kept for."""
        self._drop_old()
        held = self._keys.get(nick_key(nick))
        return None if held is None else held.token

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


def in_use(nick: str, holder: Session) -> ProtocolError:
    """Return the refusal of a nick that `holder` has, or that looks like theirs."""
    if holder.key == nick_key(nick):
        return ProtocolError(
            Code.NICK_IN_USE, f"somebody here is called {nick!r}: choose another nick"
        )
    return ProtocolError(
        Code.NICK_IN_USE, f"{nick!r} looks like {holder.nick!r}, who is here: choose another nick"
    )


def taken_elsewhere(nick: str, other: str) -> ProtocolError:
    """Return the refusal of a nick that is, or looks like, that of somebody on another server."""
    if nick_key(nick) == nick_key(other):
        why = f"somebody on another server here is called {nick!r}, or was a moment ago"
    else:
        why = f"{nick!r} looks like {other!r}, who is on another server here"
    return ProtocolError(Code.NICK_IN_USE, f"{why}: choose another nick")


def _is_held(nick: str, held: Held, left: float) -> ProtocolError:
    what = repr(nick) if held.key == nick_key(nick) else f"{nick!r} looks like {held.nick!r}, which"
    return ProtocolError(
        Code.NICK_IN_USE,
        f"{what} is kept for another {show_duration(left)} for somebody whose connection was lost: "
        "choose another nick, or wait",
        retry_after=left,
    )
