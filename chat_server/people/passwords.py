"""Passwords: hashed slowly on purpose, by a few threads at a time.

A hash takes 64 MiB and about a tenth of a second (argon2id, the second choice of RFC 9106 but for
the lanes: one, since some systems refuse a library threads of its own). It is computed on the
thread of the connection that asks, which is nobody's but the asker's; with no lock held; and by two
at once at most, so that a class that logs in together, or somebody who guesses, takes neither all
the memory nor all the cores.
"""

import base64
import secrets
import threading
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

from chat_server.errors import StoreError
from protocol.errors import Code, ProtocolError

AT_ONCE = 2
"""How many passwords are hashed at the same time."""
PATIENCE = 8.0
"""Seconds that somebody may wait for a turn: less than a hello may take, and enough for a class
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
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = _hash_of_nothing(hasher)

    def hash(self, password: str) -> str:
        """Return the hash of a password, with a new salt in it.

        Raises:
            ProtocolError: `unavailable`: too many others wait for theirs.
            StoreError: there is no memory for it.
        """
        with self._turn():
            try:
                return self._hasher.hash(password)
            except HashingError as error:
                raise StoreError(f"a password could not be hashed: {error}") from error

    def is_right(self, password_hash: str | None, password: str) -> bool:
        """Say whether a hash is that of a password.

        Args:
            password_hash: None where there is none to compare with; that takes the same time.
            password: what somebody says it is.

        Raises:
            ProtocolError: `unavailable`: too many others wait for theirs.
            StoreError: it could not be compared.
        """
        with self._turn():
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
    def _turn(self) -> Iterator[None]:
        """Wait for a turn, and not for ever."""
        if not self._turns.acquire(timeout=PATIENCE):
            raise ProtocolError(
                Code.UNAVAILABLE,
                "The server has many passwords to look at just now.",
                retry_after=PATIENCE,
            )
        try:
            yield
        finally:
            self._turns.release()


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
