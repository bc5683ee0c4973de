"""A session: who somebody is, for longer than a connection lasts.

It is what makes sending a request again harmless. A request that is waiting to be stored is
remembered here; one that is stored is found in the store. Either way it is done once, and
everybody who asked gets the same reply.
"""

import hashlib
import secrets
import threading
from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

from chat_server.identity.participant import Participant
from chat_server.rooms.room import Draft, Outlet
from protocol.errors import Code
from protocol.messages import ServerMessage


def new_token() -> str:
    """Return a new secret, of 256 random bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return what of a secret is kept. It is random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).digest()


class Claim(Enum):
    """What is to be done with a request that is to be stored."""

    NEW = auto()  # post it
    PENDING = auto()  # nothing: it waits to be stored, and the reply will come
    PERHAPS_STORED = auto()  # look into the store
    OUTDATED = auto()  # nothing: another connection has the session now


class Client(Protocol):
    """A connection, as far as those know it who are below it.

    Attributes:
        takes_late: whether it is sent the direct messages that waited for its session. The late
            messages': written under their lock.
    """

    takes_late: bool

    @property
    def host(self) -> str:
        """The address that it is from, without a port."""
        ...

    @property
    def outbox(self) -> Outlet:
        """What goes out on it."""
        ...

    @property
    def is_bot(self) -> bool:
        """Whether its hello said that it is a bot."""
        ...

    @property
    def ended(self) -> bool:
        """Whether it was closed or refused, and only its last bytes are still under way."""
        ...

    def close(
        self,
        code: Code,
        text: str,
        *,
        before: ServerMessage | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Say goodbye and end it."""
        ...


class Session(Participant):
    """One session.

    Attributes:
        began_here: whether it is as old as this object: what it has not claimed was never asked
            for, unless on another server.
        connection: who has the session; None if nobody has, at present. The registry's: written
            under its lock.
        posting: held while a request is claimed and posted. A connection that takes the session
            over waits for what the one before has claimed, or its requests would overtake that.
    """

    __slots__ = (
        "__weakref__",
        "_holder",
        "_lock",
        "_newest",
        "_pending",
        "began_here",
        "connection",
        "posting",
    )

    def __init__(self, token: bytes, nick: str, number: int | None = None, newest: int = 0) -> None:
        """
        Args:
            token: the hash of its secret.
            nick: as normalize_nick returned it.
            number: its key in the store, None until it is there.
            newest: the highest request that it stored.
        """
        super().__init__(token, nick, number)
        self.began_here = number is None
        self.connection: Client | None = None
        self.posting = threading.Lock()

        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._holder: Client | None = None  # whose requests count
        self._pending: dict[int, Draft] = {}
        self._newest = newest  # the highest request that was ever claimed

    @property
    def newest(self) -> int:
        """The highest request that it stored, or is about to."""
        with self._lock:
            return self._newest

    def hand_to(self, connection: Client) -> None:
        """Let the requests of `connection` count, and no other's."""
        with self._lock:
            self._holder = connection

    def release(self, connection: Client) -> None:
        """Let no requests count, if it was those of `connection`, which is gone."""
        with self._lock:
            if self._holder is connection:
                self._holder = None

    def claim(self, connection: Client, draft: Draft, *, looked_up: bool = False) -> Claim:
        """Say what is to be done with a draft, and remember it if that is to post it.

        Args:
            connection: whose request it is.
            draft: what is to be stored.
            looked_up: the store was asked, and does not have it.
        """
        with self._lock:
            if self._holder is not connection:
                return Claim.OUTDATED
            waiting = self._pending.get(draft.request)
            if waiting is not None:
                waiting.waiters += draft.waiters
                draft.cost = waiting.cost  # which is what its reply will settle
                return Claim.PENDING
            if draft.request <= self._newest and not looked_up:
                return Claim.PERHAPS_STORED
            self._newest = max(self._newest, draft.request)
            self._pending[draft.request] = draft
            return Claim.NEW

    def claim_new(self, connection: Client, drafts: Sequence[Draft]) -> bool:
        """Remember drafts that are to be posted, if all are new and `connection` may post them.

        Args:
            connection: whose requests they are.
            drafts: what is to be stored, in the order in which it was asked for.

        Returns: whether they are; if not, nothing was done.
        """
        with self._lock:
            newest = self._newest
            if self._holder is not connection:
                return False
            for draft in drafts:
                if draft.request <= newest:
                    return False
                newest = draft.request
            for draft in drafts:
                self._pending[draft.request] = draft
            self._newest = newest
            return True

    def withdraw(self, drafts: Sequence[Draft]) -> None:
        """Forget drafts that were claimed, as they are not posted after all. Asked for again, they
        are looked for in the store.
        """
        with self._lock:
            for draft in drafts:
                self._pending.pop(draft.request, None)

    def settle(self, draft: Draft, *, stored: bool = True) -> tuple[Outlet, ...]:  # noqa: ARG002
        """Forget a draft that is stored or refused, and return who waits for the reply."""
        with self._lock:
            del self._pending[draft.request]
            return draft.waiters
