"""Polls: one at a time in each room, with one vote for each person.

Moderators may ask whenever they like. Others may where nobody in charge is in the room, and where
they may speak. Whoever is in the room may vote, frozen or not, but who is muted. Who asked sees
the counts while the poll is open; the result is a message of the room's log.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from chat_server.identity.participant import Participant
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.poll_store import PollStore
from chat_server.identity.store.records import Asked, KeptPoll, KeptVote
from chat_server.moderation.in_force.permissions import Permissions
from chat_server.moderation.notices import Notices, OwnNotices
from chat_server.moderation.open_poll import OpenPoll
from chat_server.moderation.targets import Actor
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import person_key, person_keys
from chat_server.rooms.room import ANY_POLICY, Draft, Member, Room
from chat_server.runtime.claims import Claims
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import StoreError
from chat_server.runtime.timers import Timers
from chat_server.storage.interface import RoomLog
from protocol.errors import Code, ProtocolError
from protocol.messages import Message, PollChange, PollResult

log = logging.getLogger(__name__)

VOTERS_SIZE = 4000
"""How many bytes of nicks the result of a named poll has at most, as a text does."""
COUNTS_INTERVAL = 0.25
"""Seconds within which votes are told to who asked as one."""


UNSURE = 60.0
"""Seconds before the end of a run in which a poll began or ended of which the log may not know."""


class Wanted(NamedTuple):
    """What somebody asks: see protocol.messages.Poll."""

    question: str
    options: tuple[str, ...]
    named: bool


class Polls:
    """The polls. Any thread may call any method."""

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        people: PeopleStore,
        permissions: Permissions,
        past: float,
    ) -> None:
        """
        Args:
            clock: for when a poll is asked.
            timers: tells the counts.
            people: keeps the polls, and has those of earlier runs.
            permissions: says who is in charge, and who may speak.
            past: when the run before was seen last, in Unix seconds.

        Raises:
            StoreError: they could not be read.
        """
        self._clock = clock
        self._timers = timers
        self._store = PollStore(people)
        self._permissions = permissions
        self._claims = Claims()  # rooms in which a poll begins or ends
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        # With the same lock: a vote is kept, or is not; or a poll has ended, or has not.
        self._settled = threading.Condition(self._lock)
        self._open: dict[str, OpenPoll] = {}  # by room
        self._votes = 0  # in all of them, with those that are under way
        self._unwritten: list[KeptPoll] = []  # that an earlier run kept, and may have died of
        for kept in self._store.polls():
            if kept.result is None:
                self._open[kept.room] = OpenPoll(kept)
            if (kept.ended or kept.time) >= past - UNSURE:
                self._unwritten.append(kept)
        by_number = {poll.kept.number: poll for poll in self._open.values()}
        for vote in self._store.votes():
            if vote.poll in by_number:
                by_number[vote.poll].put(vote)
                self._votes += 1

    def ask(self, actor: Actor, room: Room, wanted: Wanted, notices: Notices) -> None:
        """Ask all in a room, and say so in its log.

        Raises:
            ProtocolError: `forbidden`: a poll is open, or somebody in charge is there who may ask;
                `muted` or `rate_limited`: one may not speak.
            StoreError: it could not be kept; nothing happened.
        """
        session, asked = _asked(actor)
        with self._claims.of(room.name):
            poll = self._find(room.name)
            if notices.begun:
                if poll is None or not poll.is_asked_by(session):
                    return  # it is over by now
                draft = notices.write_poll(room.name, _opening(poll.kept), _message_of(poll.kept))
                if draft is not None:
                    room.post(draft, ANY_POLICY)
            else:
                self._check_may_ask(room, session, poll)
                kept = KeptPoll(
                    0, room.name, person_key(session), session.token, session.nick,
                    self._clock.time(), *wanted, session=session.number, request=asked.request,
                )  # fmt: skip
                act = actor.did("poll", kept.time, room.name, reason=kept.question)
                is_moderator = self._permissions.is_moderator(session)
                number = self._store.add(kept, asked, act if is_moderator else None)
                poll = OpenPoll(kept._replace(number=number))
                self._post_by_rules(room, session, poll.kept, notices)
                with self._lock:
                    self._open[room.name] = poll
        self._tell(room)

    def vote(self, room: Room, session: Participant, choice: int) -> None:
        """Count somebody's vote, in place of the one before.

        Raises:
            ProtocolError: `forbidden`: no poll is open; `bad_request`: it has no such option;
                `unavailable`: too many have voted.
            StoreError: it could not be kept; nothing happened.
        """
        with self._voting(room.name, session, choice) as (poll, before):
            if before is not None and before.choice == choice:
                return
            nick = session.nick if poll.kept.named else ""
            vote = KeptVote(poll.kept.number, person_key(session), session.token, nick, choice)
            if not self._store.vote(vote, [] if before is None else [before.token]):
                raise _none_open(room.name)  # the room was removed meanwhile
            with self._lock:
                poll.put(vote, before)
                due, poll.told = poll.told, False
        if due:
            self._timers.call_later(COUNTS_INTERVAL, partial(self._tell_counts, room, poll))

    @contextmanager
    def _voting(
        self, room: str, session: Participant, choice: int
    ) -> Iterator[tuple[OpenPoll, KeptVote | None]]:
        """Wait until nobody else votes for the same person, and let no poll end without the vote.

        Yields: the poll that is open, and the person's vote so far.
        """
        names = set(person_keys(session))
        with self._settled:
            while (poll := self._needed_now(room)).is_ending or names & poll.voting:
                self._settled.wait()
            before = poll.vote_of(session)
            poll.check_vote(before, choice, self._votes)
            poll.voting |= names
            self._votes += before is None
        try:
            yield poll, before
        finally:
            with self._settled:
                poll.voting -= names
                is_kept = self._open.get(room) is poll and poll.vote_of(session) is not None
                self._votes -= before is None and not is_kept
                self._settled.notify_all()

    def end(self, actor: Actor, room: Room, notices: Notices) -> None:
        """End a room's poll, whose result becomes part of its log.

        Raises:
            ProtocolError: `forbidden`: no poll is open, or it is another's; `muted`.
            StoreError: it could not be kept; nothing happened.
        """
        if notices.begun:
            return  # the result was left to be written: see `write_missing`
        session, asked = _asked(actor)
        with self._claims.of(room.name):
            poll = self._needed(room.name)
            self._check_may_end(room, session, poll)
            with self._ending(poll):
                now, result = self._clock.time(), _result(poll)
                message = Message.unnumbered(session.nick, "poll", _closing(result), poll=result)
                written = msgspec.json.encode(message).decode()
                kept = poll.kept._replace(
                    result=written, session=session.number, request=asked.request, ended=now
                )
                act = actor.did("end_poll", now, room.name, reason=kept.question)
                is_moderator = self._permissions.is_moderator(session)
                self._store.end(kept, asked, act if is_moderator else None)
                self._drop(room.name)
            draft = notices.write_poll(room.name, message.text, result)
            if draft is not None:
                room.post(draft, ANY_POLICY)
        told = Broadcast(PollChange(room.name, False))
        for member in room.members():
            member.outbox.put_if_short(told)

    @contextmanager
    def _ending(self, poll: OpenPoll) -> Iterator[None]:
        """Let nobody vote, once the votes are kept that are under way."""
        with self._settled:
            poll.is_ending = True
            while poll.voting:
                self._settled.wait()
        try:
            yield
        finally:
            with self._settled:
                poll.is_ending = False
                self._settled.notify_all()

    def write_missing(self, rooms: Iterable[Room], store: RoomLog) -> None:
        """At the start: let the log have the questions and results that an earlier run kept here,
        and may not have written there.

        Args:
            rooms: all of them.
            store: has the log.
        """
        by_name = {room.name: room for room in rooms}
        with self._lock:
            unwritten, self._unwritten = self._unwritten, []
        for kept in unwritten:
            room = by_name.get(kept.room)
            if room is None or kept.session is None or kept.request is None:
                continue
            try:
                written = store.find_notices(kept.session, kept.request)
            except StoreError as error:
                log.error("what came of the poll in %s was not looked up: %s", kept.room, error)
                continue
            if kept.room not in written:
                draft = Draft(OwnNotices(kept.nick), kept.session, kept.request, _message(kept), [])
                room.post(draft, ANY_POLICY)

    def forget(self, room: str) -> None:
        """Drop the poll of a room that is removed."""
        with self._claims.of(room):
            self._drop(room)
            self._store.forget(room)

    def know(self, member: Member) -> None:
        """Tell somebody who came into a room of the poll that is open there."""
        poll = self._find(member.room.name)
        if poll is not None:
            with self._lock:
                vote = poll.vote_of(member.session)
            event = self._event(poll, member.session, None if vote is None else vote.choice)
            member.outbox.put_if_short(Broadcast(event))
            if self._find(member.room.name) is not poll:  # its end was told ahead of this
                self._tell(member.room)

    # -- who may

    def _check_may_ask(self, room: Room, session: Session, poll: OpenPoll | None) -> None:
        if poll is not None:
            raise ProtocolError(
                Code.FORBIDDEN, f"{poll.kept.nick} asked a poll that is open: it has to end first"
            )
        if self._permissions.is_moderator(session):
            return
        self._check_nobody_in_charge(room, "ask")
        if room.policy is not None:
            self._permissions.admit_message(room, room.policy, session)

    def _check_may_end(self, room: Room, session: Session, poll: OpenPoll) -> None:
        if self._permissions.is_moderator(session):
            return
        asker_is_here = any(poll.is_asked_by(member.session) for member in room.members())
        if not poll.is_asked_by(session):
            if asker_is_here:
                raise ProtocolError(
                    Code.FORBIDDEN, f"{poll.kept.nick} asked: only they and moderators may end it"
                )
            self._check_nobody_in_charge(room, "end another's")
        if room.policy is not None:
            room.policy.check_speaker(person_keys(session), self._clock.monotonic())

    def _check_nobody_in_charge(self, room: Room, what: str) -> None:
        for member in room.members():
            if self._permissions.is_moderator(member.session):
                raise ProtocolError(
                    Code.FORBIDDEN,
                    f"{member.session.nick} is in charge here: only moderators may {what} polls "
                    "as long as one is in the room",
                )

    def _post_by_rules(
        self, room: Room, session: Session, kept: KeptPoll, notices: Notices
    ) -> None:
        """With the room claimed: say in its log what is asked, if its asker may speak.

        Raises:
            ProtocolError: `muted`: the room was frozen meanwhile.
        """
        assert self._claims.has(room.name)
        draft = notices.write_poll(room.name, _opening(kept), _message_of(kept))
        if draft is None:
            return
        posted, is_moderator = False, self._permissions.is_moderator(session)
        while not posted:
            policy = ANY_POLICY if is_moderator else room.policy
            try:
                if policy is not None:
                    policy.check_speaker(person_keys(session), self._clock.monotonic())
            except ProtocolError:
                notices.withdraw()
                self._store.forget(kept.room)
                raise
            posted = room.post(draft, policy)

    # -- who is told

    def _tell(self, room: Room) -> None:
        """Tell everybody in a room of its poll."""
        poll = self._find(room.name)
        if poll is None:
            return
        told = Broadcast(self._event(poll))
        for member in room.members():
            if poll.is_asked_by(member.session):
                event = self._event(poll, member.session)
                member.outbox.put_if_short(Broadcast(event))
            else:
                member.outbox.put_if_short(told)

    def _tell_counts(self, room: Room, poll: OpenPoll) -> None:
        """On the timers' thread: tell who asked what the votes are by now."""
        with self._lock:
            poll.told = True
        if self._find(room.name) is not poll:
            return
        for member in room.members():
            if poll.is_asked_by(member.session):
                event = Broadcast(self._event(poll, member.session))
                member.outbox.put_if_short(event)

    def _event(
        self, poll: OpenPoll, session: Participant | None = None, choice: int | None = None
    ) -> PollChange:
        """What somebody is told of an open poll."""
        kept = poll.kept
        sees = session is not None and poll.is_asked_by(session)
        with self._lock:
            counts = poll.counts() if sees else UNSET
        return PollChange(
            kept.room, True, kept.nick, kept.question, kept.options, kept.named, counts,
            UNSET if choice is None else choice,
        )  # fmt: skip

    # -- below

    def _find(self, room: str) -> OpenPoll | None:
        if room not in self._open:  # nearly always
            return None
        with self._lock:
            return self._open.get(room)

    def _drop(self, room: str) -> None:
        """Know nothing more of a room's poll, nor of the votes in it but for those under way."""
        with self._lock:
            poll = self._open.pop(room, None)
            self._votes -= 0 if poll is None else len(poll.votes)

    def _needed(self, room: str) -> OpenPoll:
        with self._lock:
            return self._needed_now(room)

    def _needed_now(self, room: str) -> OpenPoll:
        assert self._lock.locked()
        poll = self._open.get(room)
        if poll is None:
            raise _none_open(room)
        return poll


def _none_open(room: str) -> ProtocolError:
    return ProtocolError(Code.FORBIDDEN, f"there is no poll in {room} just now")


def _asked(actor: Actor) -> tuple[Session, Asked]:
    """Who asks, by which request."""
    assert actor.session is not None, "a client asks"
    assert actor.request is not None, "once"
    return actor.session, Asked(actor.session.token, actor.request)


def _message(kept: KeptPoll) -> Message:
    """Return what a poll is in the log: its question, or its result."""
    if kept.result is not None:
        return msgspec.json.decode(kept.result, type=Message)
    return Message.unnumbered(kept.nick, "poll", _opening(kept), poll=_message_of(kept))


def _message_of(kept: KeptPoll) -> PollResult:
    return PollResult(kept.question, kept.options, kept.nick, kept.time, kept.named)


def _result(poll: OpenPoll) -> PollResult:
    """What came of a poll; of a named one with the voters, as far as they fit."""
    kept, space = poll.kept, VOTERS_SIZE
    asked = _message_of(kept)
    counts = poll.counts()
    if not kept.named:
        return msgspec.structs.replace(asked, counts=counts)
    voters: list[list[str]] = [[] for _ in kept.options]
    for vote in sorted(poll.votes.values(), key=lambda vote: vote.nick):
        space -= len(vote.nick.encode()) + 3
        if space >= 0:
            voters[vote.choice - 1].append(vote.nick)
    return msgspec.structs.replace(asked, counts=counts, voters=voters)


def _opening(kept: KeptPoll) -> str:
    options = "  ".join(f"{number}. {option}" for number, option in enumerate(kept.options, 1))
    how = "by name" if kept.named else "nobody sees who votes for what"
    return f"poll: {kept.question}  {options}  (/vote NUMBER; {how})"


def _closing(result: PollResult) -> str:
    assert not isinstance(result.counts, msgspec.UnsetType), "it is over"
    shown = [
        f"{option} {count}" for option, count in zip(result.options, result.counts, strict=True)
    ]
    return f"result of the poll: {result.question}  {', '.join(shown)}"
