"""Accounts: which nicks belong to somebody, and who has which role.

The accounts are few, so all of them are in memory: whether a nick is owned is asked whenever
somebody comes in, under the registry's lock, and must not wait for a disk. A nick is owned together
with all that look like it.

The module is long, as each change stands here twice: as it is decided upon, and as it is followed
when another server has decided.
"""

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from chat_server.identity.participant import Participant
from chat_server.identity.passwords import Passwords
from chat_server.identity.roles import Role
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Account, Act
from chat_server.identity.throttle import Throttle
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import LiveSettings
from protocol.errors import Code, ProtocolError
from protocol.text import nick_key, nick_skeleton

ACCOUNTS_LIMIT = 10_000
"""How many there may be: each takes about a kilobyte of memory."""

_FREE_TO_REGISTER = 60
"""Accounts made from one address, before they must be further apart."""


class Reservation(NamedTuple):
    """A nick of which an account is being made, and by whom."""

    key: str
    skeleton: str
    token: bytes


AnySession = TypeVar("AnySession", bound=Participant)
Left = TypeVar("Left")
"""Who was logged in, as whoever logs them out calls them."""


class Removed(NamedTuple, Generic[Left]):
    """What an account was that there is no more.

    Attributes:
        account: it.
        role: what those could do who were logged in to it. They are members now.
        sessions: theirs, as far as they are in memory.
    """

    account: Account
    role: Role
    sessions: Left


class Accounts:
    """All accounts. Any thread may call any method.

    Attributes:
        changing: held while an account, its password, a role, or a login is changed: first in the
            store, then in memory, so that the two agree whenever it is free. Held while the store
            writes; only those wait who change something of it, too. Taken before the registry's
            lock and before _lock.
    """

    def __init__(
        self, settings: LiveSettings, clock: Clock, store: PeopleStore, passwords: Passwords
    ) -> None:
        """
        Args:
            settings: for the names of the owners.
            clock: for the audit log, and for the waits of who makes many.
            store: where the accounts are.
            passwords: hashes them.

        Raises:
            StoreError: the accounts cannot be read.
        """
        self._settings = settings
        self._clock = clock
        self._store = store
        self._passwords = passwords
        self._made = Throttle(
            clock, free=_FREE_TO_REGISTER, rule="too many accounts were made from your address"
        )
        self.changing = threading.Lock()
        # Guards what follows. A leaf; it is also taken with the registry's lock held.
        self._lock = threading.Lock()
        self._accounts: dict[int, Account] = {}
        self._keys: dict[str, Account] = {}
        self._skeletons: dict[str, Account] = {}
        self._reserved: list[Reservation] = []  # nicks of which an account is being made
        for account in store.accounts():
            self._put(account)

    # -- whose a nick is

    def owner_of(self, nick: str) -> Account | None:
        """Return the account that owns `nick`: it is called so, or looks like it."""
        with self._lock:
            return self._owner_of(nick)

    def check_nick(self, nick: str, session: Participant, account: int | None) -> None:
        """See that a session may have `nick`, as far as accounts are concerned.

        Args:
            nick: as normalize_nick returned it.
            session: who wants it.
            account: the number of the account that this session is logged in to.

        Raises:
            ProtocolError: `nick_in_use`.
        """
        with self._lock:
            owner = self._owner_of(nick)
            reserved = self._is_reserved(nick, session)
        if not reserved and (owner is None or owner.number == account):
            return
        if owner is None or owner.key == nick_key(nick):
            text = f"{nick!r} belongs to an account: log in to it, or choose another nick"
        else:
            text = f"{nick!r} looks like {owner.name!r}, who has an account: choose another nick"
        raise ProtocolError(Code.NICK_IN_USE, text)

    def find(self, name: str) -> Account | None:
        """Return the account of that name.

        Args:
            name: as normalize_nick returned it.
        """
        with self._lock:
            return self._keys.get(nick_key(name))

    def has(self, number: int) -> bool:
        """Say whether there is an account of that number: it may be gone since it was found."""
        with self._lock:
            return number in self._accounts

    def is_current(self, account: Account) -> bool:
        """Say whether an account is there, with the password that it had when it was found."""
        with self._lock:
            known = self._accounts.get(account.number)
        return known is not None and known.changes == account.changes

    def account_of(self, session: Participant) -> Account | None:
        """Return the account that a session is logged in to."""
        number = session.account
        if number is None:
            return None
        with self._lock:
            return self._accounts.get(number)  # none, while it is being removed

    def name_of(self, session: Participant) -> str | None:
        """Return the name of the account that a session is logged in to."""
        account = self.account_of(session)
        return account.name if account else None

    # -- roles

    def role_of(self, session: Participant) -> Role:
        """Return what somebody may do: the role is the account's where there is one."""
        number = session.account
        if number is None:
            return session.role
        with self._lock:
            account = self._accounts.get(number)
        # While the account is being removed they are no more than they are about to be.
        return self.role_of_account(account) if account else Role.MEMBER

    def role_of_account(self, account: Account) -> Role:
        """Return what those may do who are logged in to an account."""
        return Role.OWNER if self.is_named_owner(account.name) else account.role

    def is_named_owner(self, name: str) -> bool:
        """Say whether the settings name the account of that name an owner."""
        owners = self._settings.now.owners
        return bool(owners) and nick_key(name) in _keys_of(owners)

    def set_role(self, account: Account, role: Role, act: Act) -> None:
        """Give an account another role.

        Raises:
            ProtocolError: `no_such_nick`: it was removed meanwhile.
            StoreError: all is as it was.
        """
        self._store.decided(lambda: self._set_account_role(account, role, act))

    def set_session_role(self, session: Participant, role: Role, act: Act) -> None:
        """Give a session another role: its own, unless it has an account by now.

        Raises:
            StoreError: all is as it was.
        """
        self._store.decided(lambda: self._set_session_role(session, role, act))

    # -- making one

    def check_space(self, host: str) -> None:
        """See that there may be another account, made from this address, and count it.

        Raises:
            ProtocolError: `rate_limited` or `unavailable`.
        """
        with self._lock:
            full = len(self._accounts) >= ACCOUNTS_LIMIT
        if full:
            raise ProtocolError(
                Code.UNAVAILABLE, f"there are {ACCOUNTS_LIMIT} accounts, the most that are kept"
            )
        self._made.begin(host)

    def reserve(self, nick: str, session: Participant) -> Reservation:
        """Keep a nick from everybody else, until `release`, while an account is made of it.

        Args:
            nick: the session's own: nobody else has it when this begins.
            session: whose account it becomes.

        Raises:
            ProtocolError: `nick_in_use`: somebody was faster.
        """
        reservation = Reservation(nick_key(nick), nick_skeleton(nick), session.token)
        with self._lock:
            if self._owner_of(nick) or self._is_reserved(nick, session):
                raise _owned(nick)
            self._reserved.append(reservation)
        return reservation

    def release(self, reservation: Reservation) -> None:
        """Let others have the nick, unless an account was made of it."""
        with self._lock:
            self._reserved.remove(reservation)

    def register(
        self,
        nick: str,
        password: str,
        session: AnySession,
        join: Callable[[AnySession, Account], None],
        host: str,
    ) -> Account:
        """Make an account of a nick that is reserved, with the role of the session.

        Args:
            nick: its name.
            password: as normalize_password returned it.
            session: who is logged in to it from then on.
            join: notes that; before anybody can give the session another role.
            host: the address that it is done from.

        Raises:
            ProtocolError: `unavailable`: many others wait for their passwords to be looked at.
            StoreError: it could not be kept.
        """
        password_hash = self._passwords.hash(password, host)
        act = Act(self._clock.time(), nick, "register", nick)
        return self._store.decided(lambda: self._register(nick, password_hash, session, join, act))

    def enrol(
        self,
        new: Sequence[Account],
        find_holders: Callable[[], dict[str, str]],
        keep: Callable[[], list[int]],
    ) -> dict[str, str]:
        """Make accounts of nicks whose owners have yet to come: all of them or none.

        Args:
            new: without numbers.
            find_holders: returns which of the nicks somebody here has, by key, and a sentence about
                each. Nobody gets one of them meanwhile.
            keep: puts all into the store, and returns their numbers.

        Returns: why some cannot be reserved, by key; nothing happened then.

        Raises:
            ProtocolError: `unavailable`: there would be too many accounts.
            StoreError: all is as it was.
        """
        return self._store.decided(lambda: self._enrol(new, find_holders, keep))

    def _enrol(
        self,
        new: Sequence[Account],
        find_holders: Callable[[], dict[str, str]],
        keep: Callable[[], list[int]],
    ) -> dict[str, str]:
        reserved = [Reservation(each.key, nick_skeleton(each.name), b"") for each in new]
        with self.changing:
            with self._lock:
                if len(self._accounts) + len(new) > ACCOUNTS_LIMIT:
                    raise ProtocolError(
                        Code.UNAVAILABLE,
                        f"there would be over {ACCOUNTS_LIMIT} accounts, the most that are kept",
                    )
                problems = {
                    each.key: text for each in new if (text := self._refuse_enrolment(each))
                }
                self._reserved += reserved
            try:
                problems = find_holders() | problems
                if not problems:
                    numbers = keep()
                    with self._lock:
                        for account, number in zip(new, numbers, strict=True):
                            self._put(account._replace(number=number))
            finally:
                with self._lock:
                    for each in reserved:
                        self._reserved.remove(each)
        return problems

    # -- another password

    def change_password(
        self,
        account: Account,
        password: str,
        session: AnySession,
        host: str,
        leave: Callable[[Account, AnySession], Left],
    ) -> Left | None:
        """Give an account another password, and log out all its sessions but one.

        Whoever shows the old one at this moment either is logged in before, and logged out with
        the others, or is refused.

        Args:
            account: as Authentication returned it.
            password: the new one, as normalize_password returned it.
            session: who changes it, and stays.
            host: the address that it is done from.
            leave: logs the others out, and returns their connections.

        Returns: what `leave` does; None if it was changed meanwhile, or there is no such account.

        Raises:
            ProtocolError: `unavailable`: many others wait for their passwords to be looked at.
            StoreError: all is as it was.
        """
        password_hash = self._passwords.hash(password, host)
        act = Act(self._clock.time(), session.nick, "password", f"@{account.name}")

        def change() -> Left | None:
            with self.changing:
                if not self.is_current(account):
                    return None
                self._store.change_password(account.number, password_hash, session.token, act)
                self.follow_password(account.number, password_hash)
                return leave(account, session)

        return self._store.decided(change)

    def renew_hash(self, account: Account, password_hash: str) -> None:
        """Keep another hash of the password that an account had when it was found.

        If it has another by now, that stays.

        Raises:
            StoreError: all is as it was.
        """

        def renew() -> None:
            with self.changing:
                if self.is_current(account):
                    self._store.set_account_hash(account.number, password_hash)
                    self.follow_hash(account.number, password_hash)

        self._store.decided(renew)

    # -- removing one

    def remove(self, name: str, by: str, leave: Callable[[int], Left]) -> Removed[Left]:
        """Remove an account, so that its nick is anybody's. Who is logged in to it stays.

        A login that is under way either is done before, and is among those who stay, or finds no
        account any more.

        Args:
            name: as normalize_nick returned it.
            by: who wants that, for the audit log.
            leave: makes members without an account of all sessions that are logged in to the
                account of a number, and returns them.

        Raises:
            ProtocolError: `no_such_nick`: there is none.
            StoreError: all is as it was.
        """
        return self._store.decided(lambda: self._remove(name, by, leave))

    # -- what another server has done, with `changing` held

    def follow_account(self, account: Account) -> None:
        """Let there be an account that is kept; or all that changed of it, but its password."""
        with self._lock:
            self._put(account)

    def follow_role(self, number: int, role: Role) -> None:
        """Let an account have another role that is kept."""
        with self._lock:
            self._put(self._accounts[number]._replace(role=role))

    def follow_hash(self, number: int, password_hash: str) -> None:
        """Let an account have another hash of its password that is kept."""
        with self._lock:
            self._put(self._accounts[number]._replace(hash=password_hash))

    def follow_password(self, number: int, password_hash: str) -> None:
        """Let an account have another password that is kept: who showed the one before shows it
        again.
        """
        with self._lock:
            known = self._accounts[number]
            self._put(known._replace(hash=password_hash, changes=known.changes + 1))

    def follow_removal(self, number: int) -> Account:
        """Let there be no account any more that is gone from the store. Return what it was."""
        with self._lock:
            account = self._accounts[number]
            self._drop(account)
        return account

    def follow_all(self) -> None:
        """Let hold whatever is kept. Who showed a password shows it again.

        Raises:
            StoreError: it could not be read; all is as it was.
        """
        assert self.changing.locked()
        kept = self._store.accounts()
        with self._lock:
            before = dict(self._accounts)
            for account in before.values():
                self._drop(account)
            for account in kept:
                known = before.get(account.number, account)
                self._put(account._replace(changes=known.changes + 1))

    # -- below

    def _set_account_role(self, account: Account, role: Role, act: Act) -> None:
        with self.changing:
            self._set_role(account, role, act)

    def _set_session_role(self, session: Participant, role: Role, act: Act) -> None:
        with self.changing:
            account = self.account_of(session)
            if account is not None:
                self._set_role(account, role, act)
                return
            self._store.set_session_role(session.token, role, act)
            session.role = role

    def _register(
        self,
        nick: str,
        password_hash: str,
        session: AnySession,
        join: Callable[[AnySession, Account], None],
        act: Act,
    ) -> Account:
        with self.changing:
            with self._lock:
                if self._owner_of(nick) is not None:  # on another server
                    raise _owned(nick)
            account = Account(0, nick, nick_key(nick), password_hash, session.role)
            number = self._store.add_account(account, session.token, act)
            account = account._replace(number=number)
            with self._lock:
                self._put(account)
            join(session, account)
        return account

    def _remove(self, name: str, by: str, leave: Callable[[int], Left]) -> Removed[Left]:
        with self.changing:
            account = self.find(name)
            if account is None:
                raise _no_account(name)
            role = self.role_of_account(account)
            act = Act(self._clock.time(), by, "remove-account", f"@{account.name}")
            self._store.remove_account(account.number, act)
            with self._lock:
                self._drop(account)
            return Removed(account, role, leave(account.number))

    def _set_role(self, account: Account, role: Role, act: Act) -> None:
        """With `changing` held."""
        assert self.changing.locked()
        if not self.has(account.number):
            raise _no_account(account.name)
        self._store.set_account_role(account.number, role, act)
        with self._lock:
            self._put(self._accounts[account.number]._replace(role=role))

    def _refuse_enrolment(self, account: Account) -> str:
        """With the lock held: why a nick cannot be reserved; "" if it can."""
        assert self._lock.locked()
        owner, nick = self._owner_of(account.name), account.name
        if owner is not None and owner.key == account.key:
            return f"{nick!r} belongs to an account already"
        if owner is not None:
            return f"{nick!r} looks like {owner.name!r}, who has an account"
        if any(account.key == each.key for each in self._reserved):
            return f"an account is being made of {nick!r} at this moment"
        if self.is_named_owner(nick):
            return f"the settings make the account {nick!r} an owner: only an owner registers it"
        return ""

    def _owner_of(self, nick: str) -> Account | None:
        """With the lock held."""
        assert self._lock.locked()
        return self._keys.get(nick_key(nick)) or self._skeletons.get(nick_skeleton(nick))

    def _is_reserved(self, nick: str, session: Participant) -> bool:
        """With the lock held: for another session."""
        assert self._lock.locked()
        key, skeleton = nick_key(nick), nick_skeleton(nick)
        return any(
            session.token != reserved.token
            and (key == reserved.key or skeleton == reserved.skeleton)
            for reserved in self._reserved
        )

    def _put(self, account: Account) -> None:
        """With the lock held, or before others know of this: note an account, or what changed."""
        self._accounts[account.number] = self._keys[account.key] = account
        self._skeletons[nick_skeleton(account.name)] = account

    def _drop(self, account: Account) -> None:
        """With the lock held: forget an account."""
        assert self._lock.locked()
        del self._accounts[account.number], self._keys[account.key]
        skeleton = nick_skeleton(account.name)
        if self._skeletons[skeleton].number == account.number:
            del self._skeletons[skeleton]


def _owned(nick: str) -> ProtocolError:
    return ProtocolError(Code.NICK_IN_USE, f"{nick!r} belongs to an account already")


def _no_account(name: str) -> ProtocolError:
    return ProtocolError(Code.NO_SUCH_NICK, f"there is no account {name!r}")


@lru_cache(maxsize=4)
def _keys_of(owners: tuple[str, ...]) -> frozenset[str]:
    return frozenset(nick_key(owner) for owner in owners)
