"""The registry: who is here, in which session, and who has which nick.

The module is long, as all of that changes under one lock.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from chat_server.identity.accounts import Accounts
from chat_server.identity.roles import Role
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Account
from chat_server.rooms.people.nicks import HOLD_SECONDS, Former, Nicks, in_use, taken_elsewhere
from chat_server.rooms.people.session import Client, Session, new_token, token_hash
from chat_server.rooms.people.session_keeper import SessionKeeper
from chat_server.rooms.policy import PersonKey
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import StoreError
from chat_server.storage.interface import RoomLog
from protocol.errors import Code, ProtocolError
from protocol.text import nick_skeleton

log = logging.getLogger(__name__)


class Registry:
    """The one list of sessions and nicks. Any thread may call any method."""

    def __init__(
        self,
        clock: Clock,
        store: RoomLog,
        keeper: SessionKeeper,
        people: PeopleStore,
        accounts: Accounts,
        renamed: Callable[[Session], None],
    ) -> None:
        """
        Args:
            clock: for when a session was taken up.
            store: where the sessions of earlier runs are.
            keeper: keeps those of this run.
            people: where it is kept who is logged in.
            accounts: to whom nicks belong.
            renamed: called, with no lock held, when somebody who is here has another nick or
                another account than a moment ago.
        """
        self._clock = clock
        self._store = store
        self._neighbours = store.neighbours
        self._keeper = keeper
        self._people = people
        self._accounts = accounts
        self._renamed = renamed
        # Guards all below, and who has a session.
        self._lock = threading.Lock()
        self._nicks = Nicks(clock, accounts)
        self._claiming: list[str] = []  # what the nicks look like that are being claimed
        # Those that a connection or a waiting draft still holds; others are in the store.
        self._sessions: WeakValueDictionary[bytes, Session] = WeakValueDictionary()

    def begin_session(
        self, connection: Client, nick: str, account: Account | None = None
    ) -> tuple[Session, str, list[Client]]:
        """Let somebody new in. Return the session, its secret, and whom it replaces.

        The session is kept in the store soon, see SessionKeeper; until then in memory alone.

        Args:
            connection: whose session it is.
            nick: as normalize_nick returned it.
            account: the account whose password was right just now.

        Raises:
            ProtocolError: `nick_in_use`.
            StoreError: other servers could not be asked whether the nick is free.
        """
        token = new_token()
        session = Session(token_hash(token), nick)
        with self._claimed(session, nick), self._lock:
            replaced = self._take_nick(session, nick, account)
            self._sessions[session.token] = session
            session.connection = connection
            session.hand_to(connection)
        self._keeper.begin(session)
        try:
            self._keep_login(session, account)
        except StoreError as error:
            log.error(
                "the session of %s is not kept for now: %s", nick, error, extra={"nick": nick}
            )
        return session, token, replaced

    def find_session(self, token: str, nick: str) -> Session | None:
        """Return the session of a secret, if there is one.

        Args:
            token: the secret.
            nick: what its owner wants to be called. The session gets that nick if it is not in
                memory, and none is kept for it.

        Raises:
            StoreError: the store could not be asked.
        """
        hashed = token_hash(token)
        self._people.catch_up()  # another server may have logged it in or out
        with self._lock:
            session = self._sessions.get(hashed)
        if session is not None:
            return session
        stored = self._store.sessions.find(hashed)
        if stored is None:
            return None
        with self._lock:
            session = Session(hashed, self._nicks.held_for(hashed) or nick, *stored)
        with self._accounts.changing:  # nobody logs it out after it was read and before it is here
            membership = self._people.membership(hashed)
            if membership is not None:
                session.account, session.role = membership
            with self._lock:  # somebody else may have come with the same secret meanwhile
                return self._sessions.setdefault(hashed, session)

    def resume_session(
        self, connection: Client, session: Session, nick: str, account: Account | None = None
    ) -> list[Client]:
        """Give `connection` an earlier session, with its nick. Return whom it replaces.

        Args:
            connection: whose session it is from now on.
            session: as find_session returned it.
            nick: as normalize_nick returned it.
            account: the account whose password was right just now.

        Raises:
            ProtocolError: `nick_in_use`, where `nick` is not the session's and another's.
            StoreError: other servers could not be asked whether the nick is free.
        """
        with self._claimed(session, nick), self._lock:
            replaced = self._take_nick(session, nick, account)
            if session.connection is not None:
                replaced.append(session.connection)
            session.connection = connection
            session.hand_to(connection)
        if self._neighbours is not None:
            self._neighbours.take_over(session.token)
        self._keeper.resume(session)
        try:
            self._keep_login(session, account)
            if session.account is not None or session.role is not Role.MEMBER:
                self._people.touch_session(session.token, self._clock.time())
        except StoreError as error:
            log.error(
                "that the session of %s goes on is not kept for now: %s",
                nick,
                error,
                extra={"nick": nick},
            )
        return replaced

    def take_away(self, token: bytes) -> Client | None:
        """Let a session have no connection here: it is on another server, or its nick is.

        Returns: the connection that it had.
        """
        with self._lock:
            session = self._sessions.get(token)
            if session is None or session.connection is None:
                return None
            connection, session.connection = session.connection, None
            self._nicks.free(session)
            return connection

    def claim_all(self) -> list[Client]:
        """Claim the nicks of all who are here, as other servers may have given them away.

        Returns: the connections of those whose nick is somebody else's by now.

        Raises:
            StoreError: it could not be done.
        """
        if self._neighbours is None:
            return []
        claimed = self._neighbours.claimed()  # ahead of who is here, so that nobody's is missed
        with self._lock:
            under_way = set(self._claiming)
        nicks = {each.nick: each.token for each in self.sessions()}
        free = claimed - under_way - {nick_skeleton(nick) for nick in nicks}
        lost = self._neighbours.claim_all(nicks, free)
        return [found for token in lost if (found := self.take_away(token)) is not None]

    @contextmanager
    def _claimed(self, session: Session, nick: str) -> Iterator[None]:
        """Claim a nick on all servers for what the block does; it gives the session that nick.

        If the block raises, the nick is again whose it was here. The nick that the session had
        before is dropped after the block.

        Raises:
            ProtocolError: `nick_in_use`: somebody on another server has it.
            StoreError: other servers could not be asked.
        """
        if self._neighbours is None:
            yield
            return
        if not self._neighbours.has_lease:
            raise StoreError("the other servers may take this one for dead")
        before, look = session.nick, nick_skeleton(nick)
        with self._lock:
            self._claiming.append(look)
        try:
            holder = self._neighbours.claim_nick(nick, session.token)
            if holder is not None:
                with self._lock:
                    self._nicks.check_held(session, nick)  # which tells more
                raise taken_elsewhere(nick, holder)
            try:
                yield
            except BaseException:
                self._undo_claim(nick, session)
                raise
        finally:
            with self._lock:
                self._claiming.remove(look)
        if nick_skeleton(before) != look:
            self._drop_claim(before, session.token, 0.0)

    def _undo_claim(self, nick: str, session: Session) -> None:
        """Let a nick be whose it is here: somebody's, or nobody's, or kept for who was lost."""
        assert self._neighbours is not None
        with self._lock:
            here, awaited = self._nicks.find(nick), self._nicks.awaited(nick)
        if here is None and awaited is None:
            self._drop_claim(nick, session.token, 0.0)
        elif here is None and awaited is not None:
            self._neighbours.claim_nick(nick, awaited)
            self._drop_claim(nick, awaited, HOLD_SECONDS)
        elif here is not None and here is not session:
            self._neighbours.claim_nick(nick, here.token)

    def _drop_claim(self, nick: str, token: bytes, held: float) -> None:
        """Let people on other servers have a nick, after `held` seconds."""
        if self._neighbours is None:
            return
        try:
            self._neighbours.drop_nick(nick, token, held)
        except StoreError as error:  # it is done when the store can be used again: `claim_all`
            log.warning("other servers do not know yet that %s is free: %s", nick, error)

    def has_session(self, token: bytes) -> bool:
        """Return whether a session is in memory: a connection has it, or a draft that waits."""
        with self._lock:
            return token in self._sessions

    def end_session(self, session: Session, connection: Client, *, lost: bool) -> None:
        """Free the nick of a session, unless another connection has taken it up.

        Args:
            session: whose connection ended.
            connection: which that was.
            lost: nobody said bye, so the nick is kept for the session for a while, unless an
                account keeps it.
        """
        with self._lock:
            if session.connection is not connection:
                return
            session.connection = None
            nick, had_nick = session.nick, self._nicks.has(session)
            self._nicks.free(session)
            is_held = lost and had_nick and self._accounts.owner_of(nick) is None
            if is_held:
                self._nicks.hold(session, connection.host)
        if had_nick:
            self._drop_claim(nick, session.token, HOLD_SECONDS if is_held else 0.0)

    def rename(self, session: Session, connection: Client, nick: str) -> None:
        """Give a session another nick, if `connection` has it still.

        Raises:
            ProtocolError: `nick_in_use`.
        """
        with self._claimed(session, nick), self._lock:
            _check_holder(session, connection)
            self._take_nick(session, nick, None)
        self._renamed(session)

    def log_in(self, session: Session, connection: Client, account: Account) -> list[Client]:
        """Log a session in to an account whose password was right, and give it the account's nick.

        Returns: whom it replaces.

        Raises:
            ProtocolError: `connection` has the session no more; `forbidden`: the account was
                removed meanwhile, or its password changed.
            StoreError: it could not be kept; nothing has changed.
        """
        replaced = self._people.decided(lambda: self._log_in(session, connection, account))
        self._renamed(session)
        return replaced

    def _log_in(self, session: Session, connection: Client, account: Account) -> list[Client]:
        with self._accounts.changing:
            if not self._accounts.is_current(account):
                raise ProtocolError(
                    Code.FORBIDDEN,
                    f"there is no account {account.name!r} any more, or its password is another",
                )
            self._people.log_in(session.token, account.number, self._clock.time())
            with self._claimed(session, account.name), self._lock:
                _check_holder(session, connection)
                return self._take_nick(session, account.name, account)

    def log_out(self, session: Session, connection: Client, nick: str) -> None:
        """Make a member without an account of a session, and give it another nick, or its own.

        Raises:
            ProtocolError: `nick_in_use`: it is somebody's, the account's perhaps; or `connection`
                has the session no more.
            StoreError: it could not be kept; nothing has changed.
        """
        self._people.decided(lambda: self._log_out(session, connection, nick))
        self._renamed(session)

    def _log_out(self, session: Session, connection: Client, nick: str) -> None:
        with self._accounts.changing:
            with self._lock:
                _check_holder(session, connection)
                holders = self._nicks.holders(session, nick)
                if holders:
                    raise in_use(nick, holders[0])
                self._nicks.check_held(session, nick)
                self._accounts.check_nick(nick, session, None)
                reservation = self._accounts.reserve(nick, session)
            try:
                self._people.log_out(session.token)
                with self._claimed(session, nick), self._lock:
                    _check_holder(session, connection)
                    self._nicks.give(session, nick)
                    _make_member(session)
            finally:
                self._accounts.release(reservation)

    def log_out_others(self, account: Account, session: Session) -> list[Client]:
        """Make members without an account of all sessions that are logged in to one, but for one.

        They lose their nicks. With `Accounts.changing` held.

        Returns: their connections, which are to be ended.
        """
        return self.log_out_all_but(account.number, session.token)

    def log_out_all_but(self, account: int, token: bytes) -> list[Client]:
        """Do the same, for an account by its number and a session by the hash of its secret."""
        assert self._accounts.changing.locked()
        ended = []
        with self._lock:
            for other in self._sessions_of(account):
                if other.token == token:
                    continue
                self._nicks.free(other)
                _make_member(other)
                if other.connection is not None:
                    ended.append(other.connection)
                    other.connection = None
        return ended

    @contextmanager
    def reserved_nick(self, session: Session) -> Iterator[str]:
        """Keep a session's nick for it, whatever becomes of the connection; yield that nick.

        Raises:
            ProtocolError: `nick_in_use`: it is another's by now, or on its way to be.
        """
        with self._lock:
            nick = session.nick
            if not self._nicks.has(session):
                raise ProtocolError(Code.NICK_IN_USE, f"{nick!r} is not your nick any more")
            reservation = self._accounts.reserve(nick, session)
        try:
            yield nick
        finally:
            self._accounts.release(reservation)

    def join_account(self, session: Session, account: Account) -> None:
        """Note that an account was made of a session's nick."""
        with self._lock:
            session.account = account.number
        self._renamed(session)

    def leave_account(self, account: int) -> list[Session]:
        """Make members without an account of those who are logged in to one that is gone.

        With `Accounts.changing` held. A login checks under the lock whether the account is still
        there, so none comes after this.

        Returns: their sessions, as far as they are in memory.
        """
        assert self._accounts.changing.locked()
        with self._lock:
            sessions = self._sessions_of(account)
            for session in sessions:
                _make_member(session)
        for session in sessions:
            self._renamed(session)
        return sessions

    def session_called(self, nick: str) -> Session | None:
        """Return the session of who is here and has `nick`."""
        with self._lock:
            return self._nicks.find(nick)

    def has_nick(self, nick: str) -> bool:
        """Return whether somebody who is here has `nick`, as normalize_nick returned it.

        It takes no lock, so that it may be asked with that of an outbox held. What it finds is as
        good as having asked a moment before.
        """
        return self._nicks.find(nick) is not None

    def is_connected(self, nick: str) -> bool:
        """Return whether somebody has `nick` whose connection is not ending. It takes no lock."""
        session = self._nicks.find(nick)
        connection = session.connection if session is not None else None
        return connection is not None and not connection.ended

    @property
    def is_one_of_several(self) -> bool:
        """Whether there may be people on other servers."""
        return self._neighbours is not None

    def elsewhere(self, nick: str) -> Session | None:
        """Return who has `nick` on another server: who they are there, without a connection.

        Raises:
            StoreError: other servers could not be asked.
        """
        found = None if self._neighbours is None else self._neighbours.holder(nick)
        if found is None:
            return None
        session = Session(*found)
        membership = self._people.membership(session.token)
        if membership is not None:
            session.account, session.role = membership
        return session

    def host_of(self, nick: str) -> str:
        """Return the address that who is here under `nick` is connected from; "" if nobody is."""
        session = self.session_called(nick)
        connection = session.connection if session is not None else None
        return "" if connection is None else connection.host

    def host_elsewhere(self, nick: str) -> str | None:
        """Return the same of somebody on another server; None if it does not say.

        Raises:
            StoreError: other servers could not be asked.
        """
        return None if self._neighbours is None else self._neighbours.host(nick)

    def follow_membership(self, token: bytes) -> Session | None:
        """Let it hold that another server has logged a session in or out, or gave it a role.

        With `Accounts.changing` held. Returns: the session, if it is in memory and that is news.
        """
        assert self._accounts.changing.locked()
        kept = self._people.membership(token)
        account, role = (None, Role.MEMBER) if kept is None else kept
        with self._lock:
            session = self._sessions.get(token)
            if session is None or (session.account, session.role) == (account, role):
                return None
            session.account, session.role = account, role
        self._renamed(session)
        return session

    def tokens(self) -> list[bytes]:
        """Return the hashes of the secrets of all sessions that are in memory."""
        with self._lock:
            return list(self._sessions)

    def formerly_called(self, nick: str) -> Former | None:
        """Return who had `nick` last, if nobody has it now and that is not long ago."""
        with self._lock:
            return self._nicks.former(nick)

    def holder_of(self, nick: str) -> str | None:
        """Return the nick of who is here and has `nick`, or one that looks like it."""
        with self._lock:
            return self._nicks.holder_of(nick)

    def awaited(self, nick: str) -> tuple[bytes, Role] | None:
        """Return whom a nick is kept for, who was lost a moment ago: the hash of the session's
        secret, and the role that they had. None if it is kept for nobody, on no server.

        Raises:
            StoreError: other servers could not be asked.
        """
        with self._lock:
            token, former = self._nicks.awaited(nick), self._nicks.former(nick)
        if token is not None:
            return token, former.role if former and former.token == token else Role.MEMBER
        token = None if self._neighbours is None else self._neighbours.awaited(nick)
        if token is None:
            return None
        membership = self._people.membership(token)
        return token, Role.MEMBER if membership is None else membership.role

    def connected(self, who: PersonKey) -> Session | None:
        """Return a session of a person that is connected, under whatever nick."""
        with self._lock:
            if who.startswith("@"):
                found = self._sessions_of(int(who[1:]))
            else:
                session = self._sessions.get(bytes.fromhex(who))
                found = [] if session is None else [session]
            return next((each for each in found if each.connection is not None), None)

    def sessions(self) -> list[Session]:
        """Return the sessions of all who are here."""
        with self._lock:
            return self._nicks.sessions()

    def sessions_of(self, account: int) -> list[Session]:
        """Return the sessions that are logged in to an account, as far as they are in memory."""
        with self._lock:
            return self._sessions_of(account)

    def _sessions_of(self, account: int) -> list[Session]:
        """With the lock held."""
        assert self._lock.locked()
        return [session for session in self._sessions.values() if session.account == account]

    def _keep_login(self, session: Session, account: Account | None) -> None:
        if account is None:
            return
        self._keeper.keep(session)
        self._people.decided(lambda: self._keep_account(session, account))

    def _keep_account(self, session: Session, account: Account) -> None:
        with self._accounts.changing:
            if session.account == account.number:  # it may be logged out again by now
                self._people.log_in(session.token, account.number, self._clock.time())

    def _take_nick(self, session: Session, nick: str, account: Account | None) -> list[Client]:
        """With the lock held: give `session` a nick, and free the one it had.

        Args:
            session: who wants it.
            nick: what.
            account: the account whose password it has just shown. Whoever has the nick and is
                logged in to the same loses it. If it was removed meanwhile, or has another
                password: none.

        Returns: the connections of those.
        """
        assert self._lock.locked()
        shown = account.number if account and self._accounts.is_current(account) else None
        holders = self._nicks.holders(session, nick)
        for holder in holders:
            if shown is None or holder.account != shown:
                raise in_use(nick, holder)
        self._accounts.check_nick(nick, session, shown or session.account)
        if account is None:
            self._nicks.check_held(session, nick)
        replaced = []
        for holder in holders:
            self._nicks.free(holder)
            if holder.connection is not None:
                replaced.append(holder.connection)
            holder.connection = None
        self._nicks.give(session, nick)
        session.account = shown or session.account
        return replaced


def _make_member(session: Session) -> None:
    """With the registry's lock held: let a session have no account, and no role."""
    session.role = Role.MEMBER  # first: it counts as soon as there is no account
    session.account = None


def _check_holder(session: Session, connection: Client) -> None:
    """With the lock held: see that a connection has its session still.

    What ended meanwhile must not take a nick: nobody would free it.
    """
    if session.connection is not connection:
        raise ProtocolError(Code.NICK_IN_USE, "this connection is not yours any more")
