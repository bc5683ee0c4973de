"""Passwords: hashed slowly on purpose, by a few threads at a time.

A hash takes 64 MiB and about a tenth of a second (argon2id, the second choice of RFC 9106 but for
the lanes: one, since some systems refuse a library threads of its own). It is computed on the
thread of the connection that asks, which is nobody's but the asker's; with no lock held; and by two
at once at most, on any processor, so that a class that logs in together, or somebody who guesses,
takes neither all the memory nor all the processors. One address has one slot at a time: a client
that logs in without end, even with the right password, leaves the other slot to others.
"""

import base64
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import (
    HashingError,
    InvalidHashError,
    VerificationError,
    VerifyMismatchError,
)
from argon2.low_level import Type

from chat_server.runtime.errors import StoreError
from chat_server.runtime.machine.processors import on_any
from protocol.errors import Code, ProtocolError

AT_ONCE = 2
"""How many passwords are hashed at the same time."""
PATIENCE = 8.0
"""Seconds that somebody may wait for a slot: less than a hello may take, and enough for a class
that logs in together on a slow machine."""


def strong_hasher() -> PasswordHasher:
    """Return the hasher that servers use."""
    return PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1, type=Type.ID)


class Passwords:
    """Hashes passwords and compares them. Any thread may call any method."""

    def __init__(self, hasher: PasswordHasher) -> None:
        """
        Args:
            hasher: with its costs; one that costs little, for tests.
        """
        self._hasher = hasher
        # Guards the next. A leaf.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)  # a slot is free
        self._busy: Counter[str] = Counter()  # slots that are taken, by address
        self._nobody = _hash_of_nothing(hasher)

    def hash(self, password: str, host: str = "") -> str:
        """Return the hash of a password, with a new salt in it.

        Args:
            password: which.
            host: from where somebody asks for it, which has one slot at a time; "" is nobody.

        Raises:
            ProtocolError: `unavailable`: too many others wait for theirs.
            StoreError: there is no memory for it.
        """
        with self._slot(host):
            try:
                return self._hasher.hash(password)
            except HashingError as error:
                raise StoreError(f"a password could not be hashed: {error}") from error

    def is_right(self, password_hash: str | None, password: str, host: str = "") -> bool:
        """Say whether a hash is that of a password.

        Args:
            password_hash: None where there is none to compare with; that takes the same time.
            password: what somebody says it is.
            host: as for `hash`.

        Raises:
            ProtocolError: `unavailable`: too many others wait for theirs.
            StoreError: it could not be compared.
        """
        with self._slot(host):
            try:
                self._hasher.verify(password_hash or self._nobody, password)
            except VerifyMismatchError:
                return False
            except (VerificationError, InvalidHashError) as error:
                raise StoreError(f"a password could not be compared: {error}") from error
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether a hash was made at another cost than hashes are made today."""
        return self._hasher.check_needs_rehash(password_hash)

    @contextmanager
    def _slot(self, host: str) -> Iterator[None]:
        """Wait up to PATIENCE for one of the AT_ONCE slots."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(host), PATIENCE):
                raise ProtocolError(
                    Code.UNAVAILABLE,
                    "The server has many passwords to look at just now.",
                    retry_after=PATIENCE,
                )
            self._busy[host] += 1
        try:
            with on_any():
                yield
        finally:
            with self._changed:
                self._busy[host] -= 1
                if not self._busy[host]:
                    del self._busy[host]
                self._changed.notify_all()

    def _is_free(self, host: str) -> bool:
        """With the lock held: whether an address may have a slot now; "" may have several."""
        assert self._lock.locked()
        return self._busy.total() < AT_ONCE and not (host and self._busy[host])


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Something that costs as much to compare with as a hash, and is none of any password."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    return (
        f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
        f"${salt}${digest}"
    )
