"""Order: what moderators do, server-wide, and what holds because of it.

Each act goes the same way: whether it is allowed; the store, together with its line in the audit
log; then memory, from where everybody reads it; then the rooms and the connections that it
concerns. Who comes in at the same moment registers first and asks second (`check_person`), so one
of the two sees the other.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from chat_server.addresses import host_address
from chat_server.clock import Clock
from chat_server.moderation.notices import OwnNotices, Writer
from chat_server.moderation.rule_book import EVERYWHERE, RuleBook
from chat_server.moderation.targets import Actor, Target, Targets, address_of, check_power
from chat_server.people.accounts import Accounts
from chat_server.people.roles import Role
from chat_server.people.sanctions import (
    SANCTIONS_LIMIT,
    Address,
    Kind,
    Network,
    Person,
    Sanctions,
)
from chat_server.people.store import Act, PeopleStore, Sanction
from chat_server.room import Member, Room
from chat_server.room_rules import (
    NO_RULES,
    Freeze,
    Lock,
    RoomRules,
    Who,
    name_of,
    names_of,
    shown_rest,
    shown_time,
)
from chat_server.session import Session
from chat_server.timers import Timers
from protocol.errors import Code, ProtocolError
from protocol.messages import FreezeChange, HandChange, encode
from protocol.text import nick_key, nick_skeleton, normalize_nick, normalize_reason

if TYPE_CHECKING:
    from chat_server.connection import Connection
    from chat_server.registry import Registry

LONGEST_WAIT = 600.0
"""Seconds until a freeze is looked at again, to see whether it has ended."""
NAMED_AT_ONCE = 10
"""How many of those who were thrown out at once a notice names."""


class Order:
    """The acts, and the checks that follow from them. Any thread may call any method.

    Attributes:
        sanctions: who is banned and muted.
    """

    def __init__(
        self,
        people: PeopleStore,
        clock: Clock,
        timers: Timers,
        accounts: Accounts,
    ) -> None:
        """
        Args:
            people: keeps the acts, and has those of earlier runs.
            clock: what they end by.
            timers: says when a freeze has ended.
            accounts: whose a nick is, and who has which role.

        Raises:
            StoreError: what is kept could not be read.
        """
        self._people = people
        self._clock = clock
        self._timers = timers
        self._accounts = accounts
        kept = people.sanctions()
        self.sanctions = Sanctions(clock, kept)
        if len(kept) > SANCTIONS_LIMIT:  # no sooner: the clock may only be wrong this time
            in_force = {sanction.number for sanction in self.sanctions.all()}
            people.remove_sanctions(each.number for each in kept if each.number not in in_force)
        # One act at a time: held while it is written to the store, which is all that it is for,
        # as each writes all the rules of a room. The first in the order.
        self._acting = threading.Lock()
        self._book = RuleBook(people, clock)

    def open(self, registry: "Registry") -> None:
        """Begin: from now on rooms and people can be acted on."""
        self._registry = registry
        self._targets = Targets(registry, self._accounts)
        for name, freeze in self._book.freezes():
            self._wait_for_end(name, freeze)

    # -- what holds

    def rules_of(self, room: str) -> RoomRules | None:
        """Return what holds in a room, or None if there is nothing."""
        return self._book.of(room)

    def check_person(self, session: Session, host: str) -> None:
        """See that somebody who is here, or comes in, is not banned.

        Owners never are, or a mistake would lock everybody out; and moderators not by an address or
        the looks of a nick alone, which they may share with others.

        Raises:
            ProtocolError: `banned`.
        """
        role = self._accounts.role_of(session)
        if role < Role.OWNER:
            self._check_ban(person_of(session, host), exactly=role >= Role.MODERATOR)

    def check_stranger(self, nick: str, host: str) -> None:
        """See that somebody may come in of whom nothing is known but nick and address.

        Raises:
            ProtocolError: `banned`.
        """
        self._check_ban(_stranger(nick, host_address(host)), exactly=False)

    def check_nick(self, session: Session, nick: str) -> None:
        """See that somebody may take another nick.

        Raises:
            ProtocolError: `forbidden`.
        """
        ban = self.sanctions.find("ban", _stranger(nick, None))
        if ban is not None and not self.is_moderator(session):
            raise ProtocolError(
                Code.FORBIDDEN, f"{nick!r} is banned{self._rest(ban)}: choose another nick"
            )

    def check_voice(self, session: Session, host: str) -> bool:
        """See that somebody is not muted.

        Returns: whether no mute means them at all. A moderator may talk in spite of one, as long
            as they are one.

        Raises:
            ProtocolError: `muted`.
        """
        mute = self.sanctions.find("mute", person_of(session, host))
        if mute is not None and not self.is_moderator(session):
            raise ProtocolError(
                Code.MUTED,
                f"you are muted by {self._why(mute)}",
                retry_after=self.sanctions.left(mute),
            )
        return mute is None

    def check_entry(self, rules: RoomRules, session: Session) -> None:
        """See that somebody may come into a room.

        Raises:
            ProtocolError: `forbidden`.
        """
        if not self.is_moderator(session):
            rules.check_entry(names_of(session))

    def take_floor(self, room: Room, rules: RoomRules, session: Session) -> None:
        """See that somebody may say something in a room, and count it.

        Raises:
            ProtocolError: `muted`, or `rate_limited` by slow mode.
        """
        if self.is_moderator(session):
            return
        now = self._clock.monotonic()
        rules.check_speaker(names_of(session), now)
        wait = room.floor.take(name_of(session), rules.slow, now) if rules.slow else 0.0
        if wait:
            raise ProtocolError(
                Code.RATE_LIMITED,
                f"slow mode: you may say something every {shown_time(rules.slow)}; wait "
                f"{shown_time(wait)}",
                retry_after=wait,
            )

    def give_floor_back(self, room: Room, session: Session) -> None:
        """Take `take_floor` back: nothing was said after all."""
        room.floor.give_back(name_of(session))

    def is_moderator_at(self, connection: "Connection") -> bool:
        """Whether it is a moderator who is connected there."""
        session = connection.session
        return session is not None and self.is_moderator(session)

    def is_moderator(self, session: Session) -> bool:
        """Whether somebody is a moderator or more."""
        return self._accounts.role_of(session) >= Role.MODERATOR

    def is_frozen(self, room: Room) -> bool:
        """Whether only moderators and speakers speak in a room."""
        rules = room.rules
        return rules is not None and rules.frozen(self._clock.monotonic()) is not None

    # -- people

    def kick(self, actor: Actor, who: str, reason: str | None, notices: Writer) -> None:
        """End somebody's connections. Each room that they were in is told.

        Raises:
            ProtocolError: it is refused.
            StoreError: it could not be kept; nothing happened.
        """
        reason = _reason(reason)
        target = self._targets.find(who)
        check_power(actor, target)
        if not target.here:
            raise ProtocolError(Code.NO_SUCH_NICK, f"{target.shown} is not here")
        self._people.note(self._act(actor, "kick", target.shown, reason=reason))
        why = f": {reason}" if reason else ""
        for room, thrown_out in _by_room(target.here).items():
            self._forget_insiders(room, thrown_out)
            nicks = [session.nick for session in thrown_out]
            notice = notices.write(room.name, f"{_named(nicks)} thrown out{why}")
            if notice is not None:
                room.impose(partial(self.rules_of, room.name), notice)
        for session in target.here:
            if session.connection is not None:
                session.connection.close(Code.KICKED, f"You were thrown out by {actor.nick}{why}")

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
        network = address_of(target) if address else target.sought.network
        check_power(actor, target)
        if network is not None:
            check_power(actor, self._targets.of_network(network))
        if target.role is Role.OWNER:
            raise ProtocolError(
                Code.FORBIDDEN, f"{target.shown} is an owner, who cannot be banned: deop first"
            )
        self._sanction("ban", actor, target, network, seconds, reason)
        for session in self._registry.sessions():
            connection = session.connection
            if connection is None:
                continue
            try:
                self.check_person(session, connection.host)
            except ProtocolError as banned:
                connection.close(banned.code, banned.text, retry_after=banned.retry_after)

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
        self._sanction("mute", actor, target, target.sought.network, seconds, reason)

    def lift(self, actor: Actor, kind: Kind, who: str) -> None:
        """End bans or mutes.

        Raises:
            ProtocolError: `no_such_nick`: there is none.
            StoreError: it could not be kept; nothing happened.
        """
        target = self._targets.find(who)
        what = "banned" if kind == "ban" else "muted"
        with self._acting:
            found = self.sanctions.made_of(kind, target.sought)
            if not found:
                raise ProtocolError(Code.NO_SUCH_NICK, f"{target.shown} is not {what} by that name")
            numbers = [each.number for each in found]
            self._people.remove_sanctions(numbers, self._act(actor, f"un{kind}", target.shown))
            self.sanctions.remove(numbers)

    def forget_account(self, number: int) -> None:
        """Let the bans and mutes of an account alone be over: it is gone, also from the store."""
        gone = [
            each.number
            for each in self.sanctions.all()
            if each.account == number and each.key is None
        ]
        self.sanctions.remove(gone)

    # -- rooms

    def slow(self, actor: Actor, room: Room, seconds: float, notices: Writer) -> None:
        """Let each member say something only so often.

        Raises:
            StoreError: it could not be kept; nothing happened.
        """
        text = "slow mode is over"
        if seconds:
            text = f"slow mode: each of you may say something every {shown_time(seconds)}"
        act = self._act(actor, "slow", room.name, reason=f"{seconds:g} s")
        self._set(room, lambda rules: replace(rules, slow=seconds), act, text, notices)

    def lock(self, actor: Actor, room: Room, *, locked: bool, notices: Writer) -> None:
        """Let nobody else in, or open a room again.

        Raises:
            StoreError: it could not be kept; nothing happened.
        """
        lock, text = None, "this room is open again"
        if locked:
            insiders = frozenset(name_of(member.session) for member in room.members())
            lock, text = Lock(actor.nick, insiders), "this room is locked: nobody else may come in"
        act = self._act(actor, "lock" if locked else "unlock", room.name)
        self._set(room, lambda rules: replace(rules, lock=lock), act, text, notices)

    def announce(self, actor: Actor, room: Room | None, text: str, notices: Writer) -> None:
        """Say something as a notice, in a room or in all that somebody is in.

        Raises:
            StoreError: it could not be kept; nothing happened.
        """
        if not notices.begun:
            self._people.note(self._act(actor, "announce", room.name if room else "all rooms"))
        for each in self._concerned(room):
            if room is None and not each.members():
                continue
            notice = notices.write(each.name, text)
            while notice is not None and not each.post(notice, each.rules):
                continue

    def freeze(
        self,
        actor: Actor,
        room: Room | None,
        seconds: float | None,
        speakers: Sequence[str],
        notices: Writer,
    ) -> None:
        """Let only moderators and `speakers` speak, in a room or in all.

        Giving somebody the floor in a freeze that ends by itself leaves its end where it is.

        Raises:
            ProtocolError: `no_such_nick`, of a speaker.
            StoreError: it could not be kept; nothing happened.
        """
        sessions = [self._speaker(nick) for nick in speakers]
        name = EVERYWHERE if room is None else room.name
        if seconds is None and sessions:
            seconds = self._rest_of_freeze(name)
        now = self._clock.time()
        freeze = Freeze(
            by=actor.nick,
            since=now,
            until=None if seconds is None else now + seconds,
            ends=None if seconds is None else self._clock.monotonic() + seconds,
            speakers=frozenset(name for session in sessions for name in names_of(session)),
            everywhere=room is None,
        )
        act = self._act(actor, "freeze", name or "all rooms", until=freeze.until)
        text = _freeze_text(freeze, seconds, [session.nick for session in sessions])
        self._set(room, lambda rules: replace(rules, freeze=freeze), act, text, notices)
        self._wait_for_end(name, freeze)
        for each in self._concerned(room):
            for session in sessions:
                self.lower_hand(each, session)

    def unfreeze(self, actor: Actor, room: Room | None, notices: Writer) -> None:
        """Let everybody speak again. What is not frozen stays as it is.

        Raises:
            ProtocolError: `forbidden`: all rooms are frozen, not this one.
            StoreError: it could not be kept; nothing happened.
        """
        name = EVERYWHERE if room is None else room.name
        now = self._clock.monotonic()
        freeze = self._book.own(name).freeze
        if freeze is None or not freeze.holds(now):
            if room is not None and self.is_frozen(room):
                raise ProtocolError(
                    Code.FORBIDDEN, "all rooms are frozen, this one with them: unfreeze them all"
                )
            return
        act = self._act(actor, "unfreeze", name or "all rooms")
        text = _thaw_text(everywhere=room is None)
        self._set(room, lambda rules: replace(rules, freeze=None), act, text, notices)

    # -- hands

    def raise_hand(self, room: Room, session: Session) -> None:
        """Put somebody at the end of a room's queue.

        Raises:
            ProtocolError: `forbidden`: the room is not frozen.
        """
        if not self.is_frozen(room):
            raise ProtocolError(
                Code.FORBIDDEN, "the room is not frozen: say it without raising your hand"
            )
        count = room.floor.raise_hand(session)
        if count is not None:
            self._tell_of_hand(room, HandChange(room.name, session.nick, True, count))

    def lower_hand(self, room: Room, session: Session, *, leaving: bool = False) -> None:
        """Take somebody out of a room's queue, if they are in it."""
        count = room.floor.lower_hand(session, leaving=leaving)
        if count is not None:
            self._tell_of_hand(room, HandChange(room.name, session.nick, False, count))

    def leave_room(self, member: Member) -> None:
        """Let a member go, and take their hand down."""
        self._registry.leave_room(member)
        self.lower_hand(member.room, member.session, leaving=True)

    # -- below

    def _tell_of_hand(self, room: Room, change: HandChange) -> None:
        frame = encode(change)
        for member in room.members():
            if self.is_moderator(member.session):
                member.outbox.put_if_short(frame)

    def _tell_of_freeze(self, room: Room, before: RoomRules | None) -> None:
        """Tell those in a room whether it is frozen now, if that is new; then no hand is up."""
        frozen = (room.rules or NO_RULES).has_freeze
        if frozen is (before or NO_RULES).has_freeze:
            return
        room.floor.clear_hands()
        frame = encode(FreezeChange(room=room.name, frozen=frozen))
        for member in room.members():
            member.outbox.put_if_short(frame)

    def _check_ban(self, person: Person, *, exactly: bool) -> None:
        ban = self.sanctions.find("ban", person, exactly=exactly)
        if ban is not None:
            raise ProtocolError(
                Code.BANNED,
                f"you are banned by {self._why(ban)}",
                retry_after=self.sanctions.left(ban),
            )

    def _why(self, sanction: Sanction) -> str:
        reason = f": {sanction.reason}" if sanction.reason else ""
        return f"{sanction.by}{self._rest(sanction)}{reason}"

    def _rest(self, sanction: Sanction) -> str:
        return shown_rest(self.sanctions.left(sanction))

    def _act(
        self,
        actor: Actor,
        act: str,
        whom: str = "",
        until: float | None = None,
        reason: str = "",
    ) -> Act:
        return Act(self._clock.time(), actor.nick, act, whom, until, reason)

    def _sanction(
        self,
        kind: Kind,
        actor: Actor,
        target: Target,
        network: Network | None,
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
        with self._acting:
            older = [
                each.number
                for each in self.sanctions.made_of(kind, target.sought)
                if _is_covered(each, new)
            ]
            if not older:
                self.sanctions.check_space()
            kept = self._people.add_sanction(
                new, self._act(actor, kind, target.shown, new.until, reason)
            )
            self.sanctions.add(kept)
            if older:
                self._people.remove_sanctions(older)
                self.sanctions.remove(older)

    def _forget_insiders(self, room: Room, sessions: Iterable[Session]) -> None:
        """Let nobody who was thrown out back into a locked room."""
        with self._acting:
            rules = self._book.own(room.name)
            if rules.lock is not None:
                names = frozenset[Who]().union(*(names_of(session) for session in sessions))
                lock = replace(rules.lock, insiders=rules.lock.insiders - names)
                self._book.put(room.name, replace(rules, lock=lock))

    def _speaker(self, nick: str) -> Session:
        session = self._registry.session_called(normalize_nick(nick))
        if session is None:
            raise ProtocolError(Code.NO_SUCH_NICK, f"nobody here is called {nick!r}")
        return session

    def _set(
        self,
        room: Room | None,
        change: Callable[[RoomRules], RoomRules],
        act: Act,
        text: str,
        notices: Writer,
    ) -> None:
        """Keep other rules of a room, or of all, and let them hold, together with the notice."""
        name = EVERYWHERE if room is None else room.name
        with self._acting:
            self._book.put(name, change(self._book.own(name)), act)
        self._impose(room, text, notices)

    def _impose(self, room: Room | None, text: str, notices: Writer) -> None:
        for each in self._concerned(room):
            told = room is not None or each.members()
            notice = notices.write(each.name, text) if told else None
            before = each.impose(partial(self.rules_of, each.name), notice)
            self._tell_of_freeze(each, before)

    def _concerned(self, room: Room | None) -> list[Room]:
        return self._registry.rooms() if room is None else [room]

    def _rest_of_freeze(self, name: str) -> float | None:
        """Seconds that a freeze still has; None if it has no end, or there is none."""
        now = self._clock.monotonic()
        freeze = self._book.own(name).freeze
        if freeze is None or freeze.ends is None or not freeze.holds(now):
            return None
        return freeze.ends - now

    def _wait_for_end(self, name: str, freeze: Freeze) -> None:
        if freeze.ends is not None:
            left = max(0.0, freeze.ends - self._clock.monotonic())
            # Not longer at once: a freeze that was lifted is to be forgotten some day.
            self._timers.call_later(
                min(left, LONGEST_WAIT), partial(self._end_freeze, name, freeze)
            )

    def _end_freeze(self, name: str, freeze: Freeze) -> None:
        """On the timers' thread: tell that a freeze is over, if it was not lifted before."""
        if freeze.holds(self._clock.monotonic()):
            if self._book.own(name).freeze is freeze:
                self._wait_for_end(name, freeze)
            return
        if not self._book.end(name, freeze):
            return
        room = self._registry.find_room(name) if name else None
        if room is not None or not name:
            text = _thaw_text(everywhere=not name)
            self._impose(room, text, OwnNotices(freeze.by))


def person_of(session: Session, host: str) -> Person:
    """Return all that somebody can be recognised by."""
    return Person(
        key=session.key,
        looks=session.skeleton,
        token=session.token,
        account=session.account,
        address=host_address(host),
    )


def _stranger(nick: str, address: Address | None) -> Person:
    return Person(nick_key(nick), nick_skeleton(nick), b"", None, address)


def _reason(reason: str | None) -> str:
    return "" if reason is None else normalize_reason(reason)


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


def _freeze_text(freeze: Freeze, seconds: float | None, speakers: list[str]) -> str:
    what = "all rooms are" if freeze.everywhere else "this room is"
    long = "" if seconds is None else f" for {shown_time(seconds)}"
    who = ["moderators", *speakers]
    named = f"{', '.join(who[:-1])} and {who[-1]}" if speakers else who[0]
    return (
        f"{what} frozen{long}: only {named} may speak; raise your hand if you have something to say"
    )


def _thaw_text(*, everywhere: bool) -> str:
    what = "all rooms are" if everywhere else "this room is"
    return f"{what} no longer frozen: everybody may speak"
