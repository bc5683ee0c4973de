"""The owner's secret: whoever types it is in charge.

The store has a hash, by which it is checked. The secret itself is in a private file beside the
store, so that the operator can be shown it again. The file counts only while it fits the hash.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from chat_server.runtime.errors import StoreError
from protocol.common.private_files import write_private

FILE = "owner-secret"

_NAME = "owner"
_UNSEEN = "owner-unseen"
"""Kept as long as nobody is known to have seen the secret."""

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 5, 4
"""It is read from a screen and typed: groups of letters and digits that nobody takes for one
another, 99 random bits in all.
"""

_LONGEST = 1000
"""Bytes of the file that are looked at."""


def make(store: PeopleStore, folder: Path) -> str | None:
    """Return a new secret, which somebody is to be shown; None if one was shown already.

    Until `note_shown` is called the secret counts as lost, and the next start makes another: stdout
    may be on a full disk, or the server killed before it has written there.

    Args:
        store: has the hash.
        folder: the data folder.

    Raises:
        StoreError: it could not be kept.
    """
    return store.decided(lambda: _make(store, folder))


def replace(store: PeopleStore, folder: Path, act: Act) -> str:
    """Return a new secret, which somebody is to be shown. One before it is of no use then.

    Args:
        store: has the hash.
        folder: the data folder.
        act: who wanted it, and when.

    Raises:
        StoreError: it could not be kept.
    """
    secret = _new(store, folder, act)
    note_shown(store)  # whoever asks for one sees whether it is shown
    return secret


def find(store: PeopleStore, folder: Path) -> str | None:
    """Return the secret that counts, if the file has it.

    Data folders of earlier versions have none, nor has a backup.

    Raises:
        StoreError: it could not be read.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            secret = file.read(_LONGEST).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{error.strerror}: {path}") from error
    return secret if is_right(store, secret) else None


def is_right(store: PeopleStore, secret: str) -> bool:
    """Whether this is the secret that counts.

    Raises:
        StoreError: the hash cannot be read.
    """
    kept = store.secret(_NAME)
    return kept is not None and hmac.compare_digest(kept, _hash(secret))


def note_shown(store: PeopleStore) -> None:
    """Note that somebody has seen the secret.

    Raises:
        StoreError: it could not be kept.
    """
    if store.secret(_UNSEEN) is not None:
        store.drop_secret(_UNSEEN)


def _make(store: PeopleStore, folder: Path) -> str | None:
    is_shown = store.is_copy or store.secret(_UNSEEN) is None  # a copy: by the server that made it
    if store.secret(_NAME) is not None and is_shown:
        return None
    store.put_secret(_UNSEEN, b"")
    return _new(store, folder)


def _new(store: PeopleStore, folder: Path, act: Act | None = None) -> str:
    """Make one. The file first: if the hash is not kept, the secret of before goes on counting."""
    secret = "-".join(
        "".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(_GROUPS)
    )
    path = folder / FILE
    try:
        write_private(path, f"{secret}\n".encode())
    except OSError as error:
        raise StoreError(f"{error.strerror}: {path}") from error
    store.put_secret(_NAME, _hash(secret), act)
    return secret


def _hash(secret: str) -> bytes:
    """What of the secret is kept in the store. Case, and what is between the groups, is nothing."""
    signs = "".join(sign for sign in secret.lower() if sign.isalnum())
    return hashlib.sha256(signs.encode()).digest()
