"""What moderators do to rooms: slow mode, locks, freezes, and what they announce.

Each act goes the same way as in `people_actions`: what is kept of it, together with its line in
the audit log, then what is in memory, then the rooms that it concerns, which read it in a notice.

The module is long, as what another server does to rooms is followed here, too.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act, StoredPolicy
from chat_server.moderation.guests import with_guests
from chat_server.moderation.hands.hand import UpHand
from chat_server.moderation.hands.raised_hands import RaisedHands
from chat_server.moderation.in_force.permissions import Permissions
from chat_server.moderation.in_force.policy_book import EVERYWHERE, PolicyBook
from chat_server.moderation.in_force.standing import Standings
from chat_server.moderation.notices import NoticeWriter, OwnNotices
from chat_server.moderation.targets import Actor
from chat_server.rooms.directory import RoomDirectory
from chat_server.rooms.people.nicks import HOLD_SECONDS
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import (
    NO_POLICY,
    READ_ONLY_TEXT,
    Freeze,
    Guest,
    Lock,
    PersonKey,
    RoomPolicy,
    TopicRule,
    person_key,
    person_keys,
)
from chat_server.rooms.room import ANY_POLICY, Member, Room
from chat_server.runtime.clock import Clock
from chat_server.runtime.timers import Timers
from protocol.common.durations import show_duration
from protocol.errors import Code, ProtocolError
from protocol.messages import SetRules
from protocol.text import normalize_nick

_TOPIC_RULES: dict[str, TopicRule] = {
    "everybody": "everybody",
    "moderators": "moderators",
    "default": "",
}
_TOPIC_TEXTS = {
    "everybody": "everybody may set the topic here",
    "moderators": "only moderators set the topic here",
    "default": "where an owner is in the room, only moderators set the topic",
}

DRAIN = 2.0
"""Seconds for which a room waits that is frozen by another server until what was said is stored."""

LONGEST_WAIT = 600.0
"""Seconds until a freeze is looked at again, to see whether it has ended."""


class RoomActions:
    """The acts. Any thread may call any method."""

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        people: PeopleStore,
        registry: Registry,
        rooms: RoomDirectory,
        book: PolicyBook,
        permissions: Permissions,
        hands: RaisedHands,
        standings: Standings,
        forget_room: Callable[[str], None],
    ) -> None:
        """
        Args:
            clock: what freezes end by.
            timers: says when one has ended, beginning with those of earlier runs.
            people: keeps what is announced.
            registry: who is here.
            rooms: which there are.
            book: keeps the rules of the rooms.
            permissions: whether a room is frozen.
            hands: of those who are made speakers.
            standings: tells those in a room what holds there.
            forget_room: deletes who was in a room, then, all at once, what was said there.
        """
        self._clock = clock
        self._timers = timers
        self._people = people
        self._registry = registry
        self._rooms = rooms
        self._book = book
        self._permissions = permissions
        self._hands = hands
        self._standings = standings
        self._forget_room = forget_room
        self._empty_since: dict[str, float] = {}  # the housekeeper's: by room, monotonic
        for name, freeze in book.freezes():
            self._wait_for_end(name, freeze)

    def slow(self, actor: Actor, room: Room, seconds: float, notices: NoticeWriter) -> None:
        """Let each member say something only so often.

        Raises:
            StoreError: it could not be kept; nothing happened.
        """
        text = "slow mode is over"
        if seconds:
            text = f"slow mode: each of you may say something every {show_duration(seconds)}"
        act = actor.did("slow", self._clock.time(), room.name, reason=f"{seconds:g} s")
        self._set(room, lambda policy: replace(policy, slow=seconds), act, text, notices)

    def lock(self, actor: Actor, room: Room, *, locked: bool, notices: NoticeWriter) -> None:
        """Let nobody else in, or open a room again.

        Raises:
            StoreError: it could not be kept; nothing happened.
        """
        lock, text = None, "this room is open again"
        if locked:
            insiders = frozenset(person_key(member.session) for member in room.members())
            lock, text = Lock(actor.nick, insiders), "this room is locked: nobody else may come in"
        act = actor.did("lock" if locked else "unlock", self._clock.time(), room.name)
        self._set(room, lambda policy: replace(policy, lock=lock), act, text, notices)

    def set_rules(self, actor: Actor, room: Room, wanted: SetRules, notices: NoticeWriter) -> None:
        """Let other rules hold in a room: those that are named in `wanted`.

        Who is in a room when it becomes one for those who are invited is invited.

        Raises:
            ProtocolError: `unavailable`: too many are in the room.
            StoreError: it could not be kept; nothing happened.
        """
        members = [Guest(person_key(each.session), each.session.nick) for each in room.members()]

        def change(policy: RoomPolicy) -> RoomPolicy:
            if wanted.topic is not None:
                policy = replace(policy, topic=_TOPIC_RULES[wanted.topic])
            if wanted.read_only is not None:
                policy = replace(policy, read_only=wanted.read_only)
            if wanted.forget is not None:
                policy = replace(policy, forget=wanted.forget)
            if wanted.images is not None:
                policy = replace(policy, images=wanted.images)
            if wanted.invite_only is False:
                return replace(policy, invite_by="", guests=())
            if wanted.invite_only:
                guests = with_guests(policy.guests, members)
                return replace(policy, invite_by=actor.nick, guests=guests)
            return policy

        text = "; ".join(_rules_texts(wanted))
        act = actor.did("set_rules", self._clock.time(), room.name, reason=text)
        self._set(room, change, act, text, notices)

    def forget_empty(self) -> None:
        """Delete what was said in rooms that are to be forgotten when nobody is in them any more.

        Those whose connection is lost have the time to come back for which a nick is theirs. Called
        by one thread, every few seconds.

        Raises:
            StoreError: not all is gone. It is done again.
        """
        self._rooms.drop_empty()
        now, empty = self._clock.monotonic(), dict[str, float]()
        for room in self._rooms.all():
            if not (room.policy and room.policy.forget) or room.count:
                continue
            since = empty[room.name] = self._empty_since.get(room.name, now)
            if now - since >= HOLD_SECONDS:
                with suppress(ProtocolError), self._rooms.removing(room):  # somebody came in
                    self._people.note(Act(self._clock.time(), "server", "forget", room.name))
                    self._forget_room(room.name)
                    self._hands.forget(room.name)
        self._empty_since = empty

    def keep_inside(self, session: Session, members: Iterable[Member]) -> None:
        """Let somebody who logs out next come back into the locked rooms that they are in.

        The account may not any more, unless another who is logged in to it is in there: whoever is
        thrown out after that does not come back by logging in.

        Raises:
            StoreError: it could not be kept; nothing happened.
        """
        for room in (member.room for member in members):
            if room.policy is None or room.policy.lock is None:
                continue
            others = {
                person_key(each.session) for each in room.members() if each.session is not session
            }
            change = partial(_logged_out, session, person_key(session) in others)
            self._book.change_insiders(room.name, change)
            self._book.impose(room)

    def announce(self, actor: Actor, room: Room | None, text: str, notices: NoticeWriter) -> None:
        """Say something as a notice, in a room or in all that somebody is in.

        Raises:
            StoreError: it could not be kept; nothing happened.
        """
        if not notices.begun:
            where = room.name if room else "all rooms"
            self._people.note(actor.did("announce", self._clock.time(), where))
        for each in self._concerned(room):
            if room is None and not each.count:
                continue
            notice = notices.write(each.name, text)
            if notice is not None:
                each.post(notice, ANY_POLICY)

    def freeze(
        self,
        actor: Actor,
        room: Room | None,
        seconds: float | None,
        speakers: Sequence[str] | None,
        notices: NoticeWriter,
    ) -> None:
        """Let only moderators and `speakers` speak, in a room or in all.

        Saying who has the floor, be it nobody, in a freeze that ends by itself leaves its end
        where it is; None says nothing of that.

        Raises:
            ProtocolError: `no_such_nick`, of a speaker.
            StoreError: it could not be kept; nothing happened.
        """
        sessions = [self._speaker(nick) for nick in speakers or ()]
        if room is not None and speakers is not None and not notices.begun:
            self._hands.name_speaker(room, sessions[0] if len(sessions) == 1 else None)
        name = EVERYWHERE if room is None else room.name
        if seconds is None and speakers is not None:
            seconds = self._rest_of_freeze(name)
        now = self._clock.time()
        freeze = Freeze(
            by=actor.nick,
            since=now,
            until=None if seconds is None else now + seconds,
            ends=None if seconds is None else self._clock.monotonic() + seconds,
            speakers=frozenset(name for session in sessions for name in person_keys(session)),
            everywhere=room is None,
        )
        act = actor.did("freeze", now, name or "all rooms", freeze.until)
        text = _freeze_text(freeze, seconds, [session.nick for session in sessions])
        self._set(room, lambda policy: replace(policy, freeze=freeze), act, text, notices)
        if notices.begun:
            return
        self._wait_for_end(name, freeze)
        for each in self._concerned(room):
            for session in sessions:
                self._hands.take_down(each, session)

    def unfreeze(self, actor: Actor, room: Room | None, notices: NoticeWriter) -> None:
        """Let everybody speak again. What is not frozen stays as it is.

        Raises:
            ProtocolError: `forbidden`: all rooms are frozen, not this one.
            StoreError: it could not be kept; nothing happened.
        """
        name = EVERYWHERE if room is None else room.name
        freeze = self._book.own(name).freeze
        over = freeze is None or not freeze.holds(self._clock.monotonic())
        if over and not notices.begun:
            if room is not None and self._permissions.is_frozen(room):
                raise ProtocolError(
                    Code.FORBIDDEN, "all rooms are frozen, this one with them: unfreeze them all"
                )
            return
        act = actor.did("unfreeze", self._clock.time(), name or "all rooms")
        text = _thaw_text(everywhere=room is None)
        self._set(room, lambda policy: replace(policy, freeze=None), act, text, notices)
        self._thaw_hands(room)
        self._hands.tidy()

    def give_floor(self, actor: Actor, room: Room, notices: NoticeWriter) -> str | None:
        """Give the floor to the first in the queue who is here, and take it from who had it.

        In a frozen room they may speak.

        Returns: the nick of who has it now; None if nobody does.

        Raises:
            StoreError: it could not be kept; nothing happened.
        """
        if notices.begun:
            given = self._hands.floor(room.name)
        else:
            now = self._clock.time()
            before, given = self._hands.give_floor(
                room,
                lambda hand: actor.did("next", now, room.name, reason=hand.nick if hand else ""),
            )
            if before is None and given is None:
                return None
            if before is not None:
                self._silence(room.name, before.names)
        notice = notices.write(room.name, _floor_text(given))
        self._book.impose(room, notice)
        self._standings.tell_room(room)
        self._hands.tell_turn(room, given)
        return None if given is None else given.nick

    def remove(self, actor: Actor, name: str) -> None:
        """Forget a room in which nobody is, with all that is kept of it.

        That is in several files. If the server dies on the way, there is the room until all is gone
        but its rules; and those are removed when it is asked for again.

        Raises:
            ProtocolError: `no_such_room`; `forbidden`: somebody is in it.
            StoreError: not all is gone. It can be done again.
        """
        room = self._rooms.find(name)
        if room is None and self._book.own(name) == NO_POLICY:
            raise ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {name}")
        act = actor.did("remove-room", self._clock.time(), name)
        if room is None:
            self._people.note(act)
        else:
            with self._rooms.removing(room):
                self._people.note(act)
                self._forget_room(name)
        self._book.forget(name)
        self._hands.forget(name)
        new = self._rooms.find(name)
        if new is not None:  # who waited to come in has made it, by the old rules
            self._book.impose(new)

    def forget(self, actor: Actor, name: str) -> None:
        """Remove a temporary room in which nobody is, for anybody who asks.

        Raises:
            ProtocolError: `no_such_room`; `forbidden`: somebody is in it, or it is to be kept.
            StoreError: all is as it was, or not all is gone.
        """
        room = self._rooms.find(name)
        if room is None:
            raise ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {name}")
        if self._book.own(name) != NO_POLICY:
            raise ProtocolError(
                Code.FORBIDDEN, f"a moderator has set rules in {name}: it is not removed"
            )
        with self._rooms.removing(room, on_request=True):
            self._people.note(actor.did("forget", self._clock.time(), name))
            self._forget_room(name)
            self._hands.forget(name)

    # -- what another server has done

    def follow(self, kept: StoredPolicy) -> list[Callable[[], None]]:
        """Let rules hold that are kept. Return what is to be done before the others are told so.

        The server that was asked writes the notices.
        """
        before, policy = self._book.follow(kept)
        room = self._rooms.find(kept.room) if kept.room else None
        if kept.room and room is None:
            return []
        for each in self._concerned(room):
            self._book.impose(each)
            self._standings.tell_room(each)
        if policy.freeze is not None and policy.freeze is not before.freeze:
            self._wait_for_end(kept.room, policy.freeze, tells=False)
        later: list[Callable[[], None]] = []
        if policy.freeze is not before.freeze or policy.read_only:
            later += [partial(each.wait_until_stored, DRAIN) for each in self._concerned(room)]
        closes = policy.lock and not before.lock, policy.invite_by and not before.invite_by
        if room is not None and any(closes):
            later.append(partial(self._keep_members, room))
        return later

    def follow_all(self) -> None:
        """Let hold whatever rules are kept.

        Raises:
            StoreError: they could not be read; all is as it was.
        """
        self._book.follow_all()
        for room in self._rooms.all():
            self._book.impose(room)
            self._standings.tell_room(room)
        for name, freeze in self._book.freezes():
            self._wait_for_end(name, freeze, tells=False)

    def _keep_members(self, room: Room) -> None:
        """Let those come back who are in a room here that is closed from now on."""
        members = [Guest(person_key(each.session), each.session.nick) for each in room.members()]
        if not members:
            return

        def change(policy: RoomPolicy) -> RoomPolicy:
            lock = policy.lock
            if lock is not None:
                keys = frozenset(guest.key for guest in members)
                lock = replace(lock, insiders=lock.insiders | keys)
            guests = policy.guests
            if policy.invite_by:
                guests = with_guests(guests, members)
            return replace(policy, lock=lock, guests=guests)

        self._book.change(room.name, change, None)
        self._book.impose(room)

    # -- below

    def _speaker(self, nick: str) -> Session:
        name = normalize_nick(nick)
        session = self._registry.session_called(name) or self._registry.elsewhere(name)
        if session is None:
            raise ProtocolError(Code.NO_SUCH_NICK, f"nobody here is called {nick!r}")
        return session

    def _set(
        self,
        room: Room | None,
        change: Callable[[RoomPolicy], RoomPolicy],
        act: Act,
        text: str,
        notices: NoticeWriter,
    ) -> None:
        """Keep other rules of a room, or of all, and let them hold, together with the notice.

        Where they were kept when the request came before, only the notice is missing.
        """
        if not notices.begun:
            self._book.change(EVERYWHERE if room is None else room.name, change, act)
        self._impose(room, text, notices)

    def _impose(self, room: Room | None, text: str | None, notices: NoticeWriter) -> None:
        for each in self._concerned(room):
            told = text is not None and (room is not None or each.count)
            notice = notices.write(each.name, text) if text and told else None
            self._book.impose(each, notice)
            self._standings.tell_room(each)

    def _silence(self, name: str, names: frozenset[PersonKey]) -> None:
        """Let somebody speak no more in a frozen room, whom its freeze has named."""
        freeze = self._book.own(name).freeze
        self._book.change(name, partial(_without_speaker, names), None)
        now = self._book.own(name).freeze
        if now is not None and now is not freeze:
            self._wait_for_end(name, now)

    def _thaw_hands(self, room: Room | None, before: float | None = None) -> None:
        """Take down the hands that asked to speak where no freeze is left. Nothing is written,
        unless several servers share them.

        Args:
            room: which, or None for all.
            before: only those that were raised before that moment, in Unix seconds.

        Raises:
            StoreError: several servers share them, and not all are down.
        """
        for each in self._concerned(room):
            if not self._permissions.is_frozen(each):
                self._hands.thaw(each, before)

    def _concerned(self, room: Room | None) -> list[Room]:
        return self._rooms.all() if room is None else [room]

    def _rest_of_freeze(self, name: str) -> float | None:
        """Seconds that the freeze of a room still has; None if it has no end, or there is none.

        Where a room has none of its own, the freeze of all rooms is its.
        """
        now = self._clock.monotonic()
        for freeze in (self._book.own(name).freeze, self._book.own(EVERYWHERE).freeze):
            if freeze is not None and freeze.holds(now):
                return None if freeze.ends is None else freeze.ends - now
        return None

    def _wait_for_end(self, name: str, freeze: Freeze, *, tells: bool = True) -> None:
        """Let a freeze end by itself; `tells` is whether this server writes the notices then."""
        if freeze.ends is not None:
            left = max(0.0, freeze.ends - self._clock.monotonic())
            # Not longer at once: a freeze that was lifted is to be forgotten some day.
            self._timers.call_later(
                min(left, LONGEST_WAIT), partial(self._end_freeze, name, freeze, tells=tells)
            )

    def _end_freeze(self, name: str, freeze: Freeze, *, tells: bool) -> None:
        """On the timers' thread: tell that a freeze is over, if it was not lifted before."""
        if freeze.holds(self._clock.monotonic()):
            if self._book.own(name).freeze is freeze:
                self._wait_for_end(name, freeze, tells=tells)
            return
        if not self._book.end(name, freeze):
            return
        room = self._rooms.find(name) if name else None
        if room is not None or not name:
            text = _thaw_text(everywhere=not name) if tells else None
            self._impose(room, text, OwnNotices(freeze.by))
            # Of several servers the first takes them down, and the others none raised later.
            before = None if tells else freeze.until
            self._people.soon(partial(self._thaw_hands, room, before))


def _logged_out(
    session: Session, shared: bool, insiders: frozenset[PersonKey]
) -> frozenset[PersonKey]:
    """The insiders of a room, one of whom is about to log out of an account, shared or not."""
    account = person_key(session)
    if account not in insiders:
        return insiders
    return (insiders if shared else insiders - {account}) | {session.token.hex()}


def _rules_texts(wanted: SetRules) -> Iterator[str]:
    """What a notice says of rules that are set."""
    if wanted.topic is not None:
        yield _TOPIC_TEXTS[wanted.topic]
    if wanted.read_only is not None:
        everybody = "everybody may speak here again"
        yield READ_ONLY_TEXT if wanted.read_only else everybody
    if wanted.invite_only is not None:
        only = "this room is for those who are invited: others do not see it"
        yield only if wanted.invite_only else "everybody may come into this room"
    if wanted.forget is not None:
        gone = "what is said here is deleted when nobody is here any more"
        yield gone if wanted.forget else "what is said here is kept"
    if wanted.images is not None:
        yield f"images that are offered here are {'' if wanted.images else 'not '}shown on the page"


def _without_speaker(names: frozenset[PersonKey], policy: RoomPolicy) -> RoomPolicy:
    """The rules of a room in which somebody who was let speak has had the floor."""
    if policy.freeze is None or not policy.freeze.speakers & names:
        return policy
    return replace(policy, freeze=replace(policy.freeze, speakers=policy.freeze.speakers - names))


def _floor_text(given: UpHand | None) -> str:
    if given is None:
        return "nobody has the floor any more"
    return f"{given.nick} has the floor" + (f": {given.question}" if given.question else "")


def _freeze_text(freeze: Freeze, seconds: float | None, speakers: list[str]) -> str:
    what = "all rooms are" if freeze.everywhere else "this room is"
    long = "" if seconds is None else f" for {show_duration(seconds)}"
    who = ["moderators", *speakers]
    named = f"{', '.join(who[:-1])} and {who[-1]}" if speakers else who[0]
    return f"{what} frozen{long}: only {named} may speak; /hand asks for the floor"


def _thaw_text(*, everywhere: bool) -> str:
    what = "all rooms are" if everywhere else "this room is"
    return f"{what} no longer frozen: everybody may speak"
