"""Who somebody is: whose password is right, and who knows the owner's secret.

Neither is to be guessed. A guess is counted as wrong before it is looked at, by address and by
account, and taken back if it was right.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chat_server.identity import owner_secret
from chat_server.identity.accounts import Accounts
from chat_server.identity.passwords import Passwords
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Account
from chat_server.identity.throttle import Throttle
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import StoreError
from protocol.errors import ProtocolError
from protocol.text import nick_key, normalize_password

log = logging.getLogger(__name__)

_FREE_OF_ADDRESS = 40
_LONGEST_OF_ACCOUNT = 30.0
"""Wrong passwords before the first wait, and the longest wait in seconds. A class behind one
address mistypes more often than one person does. And whoever wants to keep somebody from logging in
by guessing wrong all the time is not to keep them waiting for long.
"""

_LOOKS_OF_ADDRESS, _PAUSE_OF_ADDRESS = 100, 2.0
_LOOKS_OF_ACCOUNT, _PAUSE_OF_ACCOUNT = 30, 5.0
"""Right ones cost as much to look at: so many at once, from one address and for one account, then
one in so many seconds. Who logs in and out all the time keeps nobody else from logging in.
"""


class Authentication:
    """Checks passwords and the owner's secret. Any thread may call any method."""

    def __init__(
        self, clock: Clock, store: PeopleStore, accounts: Accounts, passwords: Passwords
    ) -> None:
        """
        Args:
            clock: for the waits between wrong ones.
            store: where the owner's secret is.
            accounts: whose passwords are shown.
            passwords: compares them.
        """
        self._store = store
        self._accounts = accounts
        self._passwords = passwords
        self._by_address = Throttle(clock, free=_FREE_OF_ADDRESS)
        self._by_account = Throttle(
            clock, longest=_LONGEST_OF_ACCOUNT, rule="too many wrong passwords for this account"
        )
        self._looks_by_address = Throttle(
            clock,
            free=_LOOKS_OF_ADDRESS,
            longest=_PAUSE_OF_ADDRESS,
            rule="many people log in from your address",
        )
        self._looks_by_account = Throttle(
            clock,
            free=_LOOKS_OF_ACCOUNT,
            longest=_PAUSE_OF_ACCOUNT,
            rule="this account was logged in to very often",
        )

    def authenticate(self, name: str, password: str, host: str) -> Account | None:
        """Return the account of that name if the password is its own.

        Takes as long for an account that there is not.

        Args:
            name: as normalize_nick returned it.
            password: what somebody typed.
            host: the address that they typed it at.

        Raises:
            ProtocolError: `rate_limited`: there were many before, wrong ones above all.
                `unavailable`: many others wait for the same.
            StoreError: it could not be compared.
        """
        try:
            password = normalize_password(password)
        except ProtocolError:
            return None  # that is no account's, whatever its name
        key = nick_key(name)
        with _begun((self._by_address, host), (self._by_account, key)) as right:
            self._looks_by_address.begin(host)
            self._looks_by_account.begin(key)
            account = self._accounts.find(name)
            if not self._passwords.is_right(account.hash if account else None, password, host):
                fields = {"account": name, "peer": host}
                log.warning("a wrong password for the account %s from %s", name, host, extra=fields)
                return None
            right()
        assert account is not None
        self._renew_hash(account, password)
        return account

    def check_secret(self, secret: str, host: str) -> bool:
        """Say whether this is the owner's secret.

        Raises:
            ProtocolError: `rate_limited`.
            StoreError: it cannot be read.
        """
        with _begun((self._by_address, host)) as right:
            if not owner_secret.is_right(self._store, secret):
                log.warning("a wrong secret of the owner from %s", host, extra={"peer": host})
                return False
            right()
        self.note_secret_shown()
        return True

    def note_secret_shown(self) -> None:
        """Note that somebody has seen the owner's secret.

        Raises:
            StoreError: it could not be kept.
        """
        owner_secret.note_shown(self._store)

    def _renew_hash(self, account: Account, password: str) -> None:
        """Hash a password anew that was hashed at another cost."""
        if not self._passwords.is_outdated(account.hash):
            return
        try:
            self._accounts.renew_hash(account, self._passwords.hash(password))
        except (StoreError, ProtocolError) as error:
            log.warning("the password of %s keeps its old hash: %s", account.name, error)


@contextmanager
def _begun(*guesses: tuple[Throttle, str]) -> Iterator[Callable[[], None]]:
    """Count a guess as wrong with each, and yield what says that it was right.

    A failure of ours takes it back as well.
    """
    begun: list[tuple[Throttle, str]] = []

    def right() -> None:
        while begun:
            counted, key = begun.pop()
            counted.right(key)

    try:
        for counted, key in guesses:
            counted.begin(key)
            begun.append((counted, key))
        yield right
    except BaseException:  # whatever it is goes on, and it was no wrong guess
        right()
        raise
