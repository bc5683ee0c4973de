"""Who is invited to which room."""

from collections.abc import Callable
from dataclasses import replace

from chat_server.identity.accounts import Accounts
from chat_server.identity.store.records import StoredPolicy
from chat_server.moderation.in_force.permissions import Permissions
from chat_server.moderation.in_force.policy_book import PolicyBook
from chat_server.moderation.targets import Actor
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.directory import RoomDirectory
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import (
    GUESTS_LIMIT,
    Guest,
    PersonKey,
    RoomPolicy,
    person_key,
    person_keys,
)
from chat_server.rooms.room import Member, Room
from chat_server.runtime.clock import Clock
from protocol.errors import Code, ProtocolError
from protocol.messages import Expelled, Invited
from protocol.text import nick_key, normalize_account, normalize_nick


class Guests:
    """The invitations. Any thread may call any method.

    An invitation is somebody's: an account's where there is one, else a session's. It is not a
    nick's, which somebody else may have tomorrow.
    """

    def __init__(
        self,
        clock: Clock,
        accounts: Accounts,
        registry: Registry,
        rooms: RoomDirectory,
        book: PolicyBook,
        permissions: Permissions,
    ) -> None:
        """
        Args:
            clock: for the audit log.
            accounts: those who are not here may be invited by their account.
            registry: who is here.
            rooms: those in them who are uninvited leave.
            book: keeps who is invited.
            permissions: who may be in a room.
        """
        self._clock = clock
        self._accounts = accounts
        self._registry = registry
        self._rooms = rooms
        self._book = book
        self._permissions = permissions

    def invite(self, actor: Actor, room: Room, who: str) -> None:
        """Let somebody into a room, and tell them if they are here.

        Args:
            actor: who invites.
            room: where.
            who: a nick, or `@` and an account.

        Raises:
            ProtocolError: `no_such_nick`; `unavailable`: too many are invited.
            StoreError: it could not be kept; nothing happened.
        """
        guest, session = self._find(who)

        def change(policy: RoomPolicy) -> RoomPolicy:
            lock = policy.lock
            if lock is not None:
                lock = replace(lock, insiders=lock.insiders | {guest.key})
            return replace(policy, lock=lock, guests=with_guests(policy.guests, [guest]))

        act = actor.did("invite", self._clock.time(), guest.shown, reason=f"to {room.name}")
        self._book.change(room.name, change, act)
        self._book.impose(room)
        if session is not None:
            _tell_invited(session, room.name, actor.nick)

    def uninvite(self, actor: Actor, room: Room, who: str) -> None:
        """Take an invitation back. Who came in by it, and is no moderator, is in the room no more.

        Raises:
            ProtocolError: `no_such_nick`: nobody of that name is invited.
            StoreError: it could not be kept; nothing happened.
        """
        names = self._invited_as(room.name, who)
        if not names:
            raise ProtocolError(Code.NO_SUCH_NICK, f"nobody called {who!r} is invited")

        act = actor.did("uninvite", self._clock.time(), who, reason=f"from {room.name}")
        self._book.change(room.name, lambda policy: policy.without(names), act)
        self._book.impose(room)
        for member in room.members():
            if person_keys(member.session) & names:
                self.expel_stranger(member)

    def expel_stranger(self, member: Member) -> None:
        """Take somebody out of a room who might not come in now."""
        policy = member.room.policy
        if policy is None or self._permissions.may_enter(policy, member.session):
            return
        if member.outbox.dismiss(member):
            text = "a moderator took your invitation back"
            # However much waits: without it the client goes on as if it was in. Once for each join.
            member.outbox.put(Expelled(member.room.name, text))
        self._rooms.leave(member)

    def follow(self, kept: StoredPolicy, by: str) -> Callable[[], None]:
        """Take it that another server has kept other rules of a room, which do not hold here yet.

        Args:
            kept: the rules.
            by: the nick of who invites somebody by them; "" if nobody does.

        Returns: what is to be done when they hold: those here are told who are invited, and those
            leave who are not any more.
        """
        before, now = self._book.own(kept.room).invited, {key for key, _ in kept.guests}

        def tell() -> None:
            for key in now - before if by else ():
                session = self._registry.connected(key)
                if session is not None:
                    _tell_invited(session, kept.room, by)
            room = self._rooms.find(kept.room)
            for member in room.members() if room is not None else ():
                if person_keys(member.session) & (before - now):
                    self.expel_stranger(member)

        return tell

    def rename_person(self, session: Session, before: PersonKey) -> None:
        """Let somebody be invited by the account that they have now: they had another name.

        Raises:
            StoreError: it could not be kept for all rooms.
        """
        now = person_key(session)
        for room in self._book.rooms_of_guest(before):

            def change(policy: RoomPolicy) -> RoomPolicy:
                known = [guest for guest in policy.guests if guest.key == before]
                rest = tuple(guest for guest in policy.guests if guest.key != before)
                return replace(
                    policy, guests=with_guests(rest, [Guest(now, each.shown) for each in known])
                )

            self._book.change(room, change, None)
            live = self._rooms.find(room)
            if live is not None:
                self._book.impose(live)

    def _find(self, who: str) -> tuple[Guest, Session | None]:
        """Whom a moderator names: somebody who is here, or an account."""
        session = None
        name = normalize_account(who.removeprefix("@"))
        if not who.startswith("@"):
            nick = normalize_nick(who)
            session = self._registry.session_called(nick) or self._registry.elsewhere(nick)
        if session is not None:
            return Guest(person_key(session), session.nick), session
        account = self._accounts.find(name)
        if account is None:
            raise ProtocolError(
                Code.NO_SUCH_NICK, f"nobody here is called {who!r}, and there is no such account"
            )
        here = self._registry.sessions_of(account.number)
        return Guest(f"@{account.number}", account.name), here[0] if here else None

    def _invited_as(self, room: str, who: str) -> frozenset[PersonKey]:
        """All names by which somebody is invited, or let back into a locked room."""
        name = normalize_account(who.removeprefix("@"))
        policy, names = self._book.own(room), set[PersonKey]()
        try:
            guest, session = self._find(who)
        except ProtocolError:
            session = None
        else:
            names = {guest.key} | (set(person_keys(session)) if session is not None else set())
        key = nick_key(name)
        names |= {guest.key for guest in policy.guests if nick_key(guest.shown) == key}
        insiders = policy.lock.insiders if policy.lock is not None else frozenset()
        return frozenset(names & (policy.invited | insiders))


def _tell_invited(session: Session, room: str, by: str) -> None:
    """Tell somebody who is here, and not in a room, that they may come in."""
    connection = session.connection
    if connection is None or any(each.room.name == room for each in connection.outbox.members()):
        return
    connection.outbox.put_if_short(Broadcast(Invited(room, by)))


def with_guests(guests: tuple[Guest, ...], new: list[Guest]) -> tuple[Guest, ...]:
    """Return who is invited when some more are.

    Raises:
        ProtocolError: `unavailable`: they are too many.
    """
    known = {guest.key: guest for guest in guests}
    known.update({guest.key: guest for guest in new})
    if len(known) > GUESTS_LIMIT:
        raise ProtocolError(
            Code.UNAVAILABLE,
            f"{len(known)} would be invited, and {GUESTS_LIMIT} may be: uninvite some, or lock the "
            "room",
        )
    return tuple(known.values())
