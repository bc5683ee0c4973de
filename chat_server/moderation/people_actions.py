"""What moderators do to people, server-wide: kick, ban, mute, and the end of those.

Each act goes the same way: whether it is allowed; the store, together with its line in the audit
log; then memory, from where everybody reads it; then the connections and rooms that it concerns.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import ip_network

from chat_server.identity.accounts import Accounts
from chat_server.identity.roles import Role
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act, KeptKick, Sanction
from chat_server.moderation.in_force.bans import Kind, Sanctions, Sought
from chat_server.moderation.in_force.permissions import Permissions
from chat_server.moderation.in_force.policy_book import PolicyBook
from chat_server.moderation.in_force.standing import Standings
from chat_server.moderation.notices import NoticeWriter, OwnNotices
from chat_server.moderation.targets import (
    Actor,
    Target,
    Targets,
    address_of,
    check_power,
    check_size,
    kick_of,
)
from chat_server.rooms.directory import RoomDirectory
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import PersonKey, person_keys
from chat_server.rooms.room import Room
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import IpNetwork
from protocol.errors import Code, ProtocolError
from protocol.text import normalize_reason

NAMED_AT_ONCE = 10
"""How many of those who were thrown out at once a notice names."""


class PeopleActions:
    """The acts. Any thread may call any method."""

    def __init__(
        self,
        clock: Clock,
        people: PeopleStore,
        accounts: Accounts,
        registry: Registry,
        rooms: RoomDirectory,
        sanctions: Sanctions,
        book: PolicyBook,
        permissions: Permissions,
        standings: Standings,
    ) -> None:
        """
        Args:
            clock: what time it is.
            people: keeps the acts.
            accounts: who has which role.
            registry: who is here.
            rooms: those whose rules change.
            sanctions: who is banned and muted.
            book: the rules of the rooms: who may come back into a locked one.
            permissions: whom a ban means.
            standings: tells those who are muted, or are no more.
        """
        self._clock = clock
        self._people = people
        self._accounts = accounts
        self._targets = Targets(registry, accounts)
        self._registry = registry
        self._rooms = rooms
        self._sanctions = sanctions
        self._book = book
        self._permissions = permissions
        self._standings = standings
        # Held while bans and mutes are changed, first in the store and then in memory, so that both
        # change in the same order. Above all locks.
        self._changing = threading.Lock()

    def kick(self, actor: Actor, who: str, reason: str | None, notices: NoticeWriter) -> None:
        """End somebody's connections. Each room that they were in is told.

        Nothing happens if the request came before: they may have come back since.

        Raises:
            ProtocolError: it is refused.
            StoreError: it could not be kept; nothing happened.
        """
        if notices.begun:
            return
        reason = _reason(reason)
        target = self._targets.find(who)
        check_power(actor, target)
        if not target.here and not target.elsewhere:
            raise ProtocolError(Code.NO_SUCH_NICK, f"{target.shown} is not here")
        kick = kick_of(actor, target.sought, reason)
        act = actor.did("kick", self._clock.time(), target.shown, reason=reason)
        self._people.note_kick(kick, act)
        self._forget_insiders(_names(target.here))
        self._throw_out(kick, target.here, notices)

    def _throw_out(self, kick: KeptKick, here: Sequence[Session], notices: NoticeWriter) -> None:
        """End connections that are here, and tell the rooms."""
        why = f": {kick.reason}" if kick.reason else ""
        for room, thrown_out in _by_room(here).items():
            nicks = [session.nick for session in thrown_out]
            notice = notices.write(room.name, f"{_named(nicks)} thrown out{why}")
            if notice is not None:
                self._book.impose(room, notice)
        for session in here:
            if session.connection is not None:
                session.connection.close(Code.KICKED, f"You were thrown out by {kick.by}{why}")

    def ban(
        self,
        actor: Actor,
        who: str,
        reason: str | None,
        seconds: float | None = None,
        *,
        address: bool = False,
    ) -> None:
        """Let somebody in no more, and end their connections.

        Args:
            actor: who bans.
            who: whom.
            reason: a line, or None.
            seconds: for how long; None for ever.
            address: of a nick that is here: the address, too.

        Raises:
            ProtocolError: it is refused.
            StoreError: it could not be kept; nothing happened.
        """
        reason = _reason(reason)
        target = self._targets.find(who)
        network = target.sought.network
        if address:
            network = address_of(target, self._registry.host_elsewhere)
        check_power(actor, target)
        if network is not None:
            check_power(actor, self._targets.of_network(network))
            check_size(network)
        if target.role is Role.OWNER:
            raise ProtocolError(
                Code.FORBIDDEN, f"{target.shown} is an owner, who cannot be banned: deop first"
            )
        self._sanction("ban", actor, target, network, seconds, reason)
        gone = self._disconnect_banned()
        # Nor are they let back into a locked room when the ban is over, as after a kick.
        self._forget_insiders(_names([*gone, *target.here]) | _names_of_absent(target))

    def mute(
        self, actor: Actor, who: str, reason: str | None, seconds: float | None = None
    ) -> None:
        """Let somebody listen only.

        Raises:
            ProtocolError: it is refused.
            StoreError: it could not be kept; nothing happened.
        """
        reason = _reason(reason)
        target = self._targets.find(who)
        check_power(actor, target)
        if target.role >= Role.MODERATOR and target.sought.network is None:
            raise ProtocolError(
                Code.FORBIDDEN, f"a mute does not bind {target.shown}, a moderator: deop first"
            )
        if target.sought.network is not None:
            check_size(target.sought.network)
        self._sanction("mute", actor, target, target.sought.network, seconds, reason)

    def lift(self, actor: Actor, kind: Kind, who: str) -> None:
        """End bans or mutes.

        Raises:
            ProtocolError: `no_such_nick`: there is none.
            StoreError: it could not be kept; nothing happened.
        """
        target = self._targets.find(who)
        self._people.decided(lambda: self._lift(actor, kind, target))
        if kind == "mute":
            self._standings.tell_all()

    def _lift(self, actor: Actor, kind: Kind, target: Target) -> None:
        what = "banned" if kind == "ban" else "muted"
        with self._changing:
            found = self._sanctions.made_of(kind, target.sought)
            if not found:
                raise ProtocolError(Code.NO_SUCH_NICK, f"{target.shown} is not {what} by that name")
            numbers = [each.number for each in found]
            act = actor.did(f"un{kind}", self._clock.time(), target.shown)
            self._people.remove_sanctions(numbers, act)
            self._sanctions.remove(numbers)

    def forget_account(self, number: int) -> None:
        """Let the bans and mutes of an account alone be over: it is gone, also from the store."""
        gone = [
            each.number
            for each in self._sanctions.all()
            if each.account == number and each.key is None
        ]
        self._sanctions.remove(gone)
        self._standings.tell_all()

    # -- what another server has done

    def follow_sanction(self, kept: Sanction) -> list[Callable[[], None]]:
        """Let a ban or mute hold that is kept. Return what is to be written because of it."""
        with self._changing:
            self._sanctions.add(kept)
        if kept.act == "mute":
            self._standings.tell_all()
            self._standings.await_end(kept)
            return []
        gone = _names(self._disconnect_banned())
        return [partial(self._forget_insiders, gone)] if gone else []

    def follow_lift(self, numbers: Sequence[int]) -> None:
        """Let bans and mutes be over."""
        with self._changing:
            self._sanctions.remove(numbers)
        self._standings.tell_all()

    def follow_kick(self, kick: KeptKick) -> list[Callable[[], None]]:
        """Throw out those who are here. Return what is to be written because of it."""
        network = None if kick.network is None else ip_network(kick.network)
        sought = Sought(kick.key, kick.account, network)
        here = [
            each
            for each in self._targets.those_here(sought)
            if kick.role.may_act_on(self._accounts.role_of(each))
        ]
        names = _names(here)
        self._throw_out(kick, here, OwnNotices(kick.by))
        return [partial(self._forget_insiders, names)] if names else []

    def follow_all(self) -> None:
        """Let hold whatever bans and mutes are kept.

        Raises:
            StoreError: they could not be read; all is as it was.
        """
        kept = self._people.sanctions()
        with self._changing:
            self._sanctions.replace(kept)
        self._disconnect_banned()
        self._standings.tell_all()
        for sanction in kept:
            self._standings.await_end(sanction)

    # -- below

    def _disconnect_banned(self) -> list[Session]:
        """End the connections of everybody who is here and banned by now. Return who that is."""
        banned = []
        for session in self._registry.sessions():
            connection = session.connection
            if connection is None:
                continue
            refusal = self._permissions.refuse_person(session, connection.host)
            if refusal is not None:
                connection.close(refusal.code, refusal.text, retry_after=refusal.retry_after)
                banned.append(session)
        return banned

    def _sanction(
        self,
        kind: Kind,
        actor: Actor,
        target: Target,
        network: IpNetwork | None,
        seconds: float | None,
        reason: str,
    ) -> None:
        """Keep a ban or mute, in place of those that were made of the same, and let it hold."""
        now = self._clock.time()
        meant = target.here[0] if target.sought.key is not None and target.here else target.former
        account = target.sought.account if meant is None else meant.account
        new = Sanction(
            number=0,
            act=kind,
            who=target.shown,
            key=target.sought.key,
            account=account,
            token=None if meant is None else meant.token,
            network=None if network is None else str(network),
            until=None if seconds is None else now + seconds,
            reason=reason,
            by=actor.nick,
            time=now,
        )
        act = actor.did(kind, now, target.shown, new.until, reason)
        kept, older = self._people.decided(lambda: self._keep(new, target.sought, act))
        if older:
            self._people.remove_sanctions(older)
            self._sanctions.remove(older)
        if kind == "mute":
            self._standings.tell_all()
            self._standings.await_end(kept)

    def _keep(self, new: Sanction, sought: Sought, act: Act) -> tuple[Sanction, list[int]]:
        """Keep a ban or mute. Return it, and the numbers of those that it stands for."""
        with self._changing:
            older = [
                each.number
                for each in self._sanctions.made_of(new.act, sought)
                if _is_covered(each, new)
            ]
            if not older:
                self._sanctions.check_space()
            kept = self._people.add_sanction(new, act)
            self._sanctions.add(kept)
        return kept, older

    def _forget_insiders(self, names: frozenset[PersonKey]) -> None:
        """Let nobody with one of these names back into a locked room, nor by their invitation."""
        for name in self._book.forget_insiders(names):
            room = self._rooms.find(name)
            if room is not None:
                self._book.impose(room)


def _reason(reason: str | None) -> str:
    return "" if reason is None else normalize_reason(reason)


def _names(sessions: Iterable[Session]) -> frozenset[PersonKey]:
    """Every name that some people have in rules."""
    return frozenset[PersonKey]().union(*(person_keys(session) for session in sessions))


def _names_of_absent(target: Target) -> frozenset[PersonKey]:
    """The names in rules of whoever is meant and not here."""
    accounts, former = {target.sought.account}, target.former
    names = set()
    if former is not None:
        names.add(former.token.hex())
        accounts.add(former.account)
    return frozenset(names | {f"@{account}" for account in accounts if account is not None})


def _is_covered(older: Sanction, new: Sanction) -> bool:
    """Whether `new` stands for all that `older` does."""
    return all(
        mine is None or mine == its
        for mine, its in (
            (older.key, new.key),
            (older.account, new.account),
            (older.token, new.token),
            (older.network, new.network),
        )
    )


def _by_room(sessions: Iterable[Session]) -> dict[Room, list[Session]]:
    """The rooms that people are in, and who in each."""
    rooms: dict[Room, list[Session]] = {}
    for session in sessions:
        connection = session.connection
        for member in connection.outbox.members() if connection is not None else ():
            rooms.setdefault(member.room, []).append(session)
    return rooms


def _named(nicks: list[str]) -> str:
    """ "bob was", "bob and eva were", or with many the first of them."""
    if len(nicks) > NAMED_AT_ONCE:
        nicks = [*nicks[:NAMED_AT_ONCE], f"{len(nicks) - NAMED_AT_ONCE} others"]
    if len(nicks) == 1:
        return f"{nicks[0]} was"
    return f"{', '.join(nicks[:-1])} and {nicks[-1]} were"
