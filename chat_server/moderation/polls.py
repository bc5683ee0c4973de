"""Polls: one at a time in each room, with one vote for each person.

Moderators may ask whenever they like. Others may where nobody in charge is in the room, and where
they may speak. Whoever is in the room may vote, frozen or not, but who is muted. Who asked sees
the counts while the poll is open; the result is a message of the room's log.

Where several servers share the polls, all decide upon what all have written
(`PeopleStore.decided`). Votes that come together are one write.

The module is long, as what other servers do is followed here, too.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from chat_server.identity.participant import Participant
from chat_server.identity.roles import Role
from chat_server.identity.store.joined_writes import JoinedWrites
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


@dataclass(slots=True)
class _Ballot:
    """A vote in a room's poll that is to be kept, and whether it is."""

    room: str
    vote: KeptVote
    is_kept: bool = False


class Polls:
    """The polls. Any thread may call any method."""

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        people: PeopleStore,
        store: PollStore,
        permissions: Permissions,
        past: float,
    ) -> None:
        """
        Args:
            clock: for when a poll is asked.
            timers: tells the counts.
            people: where others write who share it.
            store: keeps the polls, and has those of earlier runs.
            permissions: says who is in charge, and who may speak.
            past: when the run before was seen last, in Unix seconds.

        Raises:
            StoreError: they could not be read.
        """
        self._clock = clock
        self._timers = timers
        self._people = people
        self._store = store
        self._permissions = permissions
        self._claims = Claims()  # rooms in which a poll begins or ends
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        # With the same lock: a vote is kept, or is not; or a poll has ended, or has not.
        self._settled = threading.Condition(self._lock)
        self._open: dict[str, OpenPoll] = {}  # by room
        self._votes = 0  # in all of them
        self._under_way = 0  # votes of people who have none yet, that are being kept
        self._ballots = JoinedWrites(self._count_all)
        self._unwritten: list[KeptPoll] = []  # that an earlier run kept, and may have died of
        for kept in self._store.polls():
            if kept.result is None:
                self._open[kept.room] = OpenPoll(kept)
            if (kept.ended or kept.time) >= past - UNSURE:
                self._unwritten.append(kept)
        with self._lock:
            self._count_kept(self._store.votes())

    def ask(self, actor: Actor, room: Room, wanted: Wanted, notices: Notices) -> None:
        """Ask all in a room, and say so in its log.

        Raises:
            ProtocolError: `forbidden`: a poll is open, or somebody in charge is there who may ask;
                `muted` or `rate_limited`: one may not speak.
            StoreError: it could not be kept; nothing happened.
        """
        session, _ = _asked(actor)
        with self._claims.of(room.name):
            poll = self._find(room.name)
            if notices.begun:
                if poll is None or not poll.is_asked_by(session):
                    return  # it is over by now
                draft = notices.write_poll(room.name, _opening(poll.kept), _message_of(poll.kept))
                if draft is not None:
                    room.post(draft, ANY_POLICY)
            else:
                kept = self._people.decided(partial(self._add, actor, room, wanted))
                self._post_by_rules(room, session, kept, notices)
        self._tell(room)

    def _add(self, actor: Actor, room: Room, wanted: Wanted) -> KeptPoll:
        """With the room claimed: keep a poll, which is open from now on."""
        session, asked = _asked(actor)
        self._check_may_ask(room, session, self._find(room.name))
        kept = KeptPoll(
            0, room.name, person_key(session), session.token, session.nick,
            self._clock.time(), *wanted, session=session.number, request=asked.request,
        )  # fmt: skip
        act = actor.did("poll", kept.time, room.name, reason=kept.question)
        is_moderator = self._permissions.is_moderator(session)
        number = self._store.add(kept, asked, act if is_moderator else None)
        kept = kept._replace(number=number)
        with self._lock:
            self._open[room.name] = OpenPoll(kept)
        return kept

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
            ballot = _Ballot(room.name, vote)
            if self._people.is_shared:
                self._ballots.write(ballot)
            else:
                self._count([ballot])
            if not ballot.is_kept:
                raise _none_open(room.name)  # it has ended, or the room was removed
        self._tell_counts_soon(room, poll)

    def _count_all(self, ballots: Sequence[_Ballot]) -> None:
        """Keep votes upon which several servers decide."""
        self._people.decided(partial(self._count, ballots))

    def _count(self, ballots: Sequence[_Ballot]) -> None:
        """Keep votes, and count those whose poll is open still."""
        with self._lock:
            open_still = [each for each in ballots if self._poll_of(each.vote, each.room)]
            before = [
                self._open[each.room].find_vote(each.vote.token, each.vote.who)
                for each in open_still
            ]
        if not open_still:
            return
        kept = self._store.vote(
            [each.vote for each in open_still], [vote for vote in before if vote is not None]
        )
        with self._lock:
            for each, is_kept in zip(open_still, kept, strict=True):
                poll = self._poll_of(each.vote, each.room) if is_kept else None
                if poll is not None:
                    self._put(poll, each.vote)
                    each.is_kept = True

    def _count_kept(self, votes: Iterable[KeptVote]) -> list[OpenPoll]:
        """With `_lock` held: count votes that are kept. Return their polls."""
        assert self._lock.locked()
        by_number = {poll.kept.number: poll for poll in self._open.values()}
        polls = dict[int, OpenPoll]()
        for vote in votes:
            poll = by_number.get(vote.poll)
            if poll is not None:
                self._put(poll, vote)
                polls[vote.poll] = poll
        return list(polls.values())

    def _put(self, poll: OpenPoll, vote: KeptVote) -> None:
        """With `_lock` held: count a vote in an open poll."""
        assert self._lock.locked()
        self._votes -= len(poll.votes)
        poll.put(vote)
        self._votes += len(poll.votes)

    def _poll_of(self, vote: KeptVote, room: str) -> OpenPoll | None:
        """With `_lock` held: the poll of a vote, if it is open."""
        assert self._lock.locked()
        poll = self._open.get(room)
        return poll if poll is not None and poll.kept.number == vote.poll else None

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
            poll.check_vote(before, choice, self._votes + self._under_way)
            poll.voting |= names
            self._under_way += before is None
        try:
            yield poll, before
        finally:
            with self._settled:
                poll.voting -= names
                self._under_way -= before is None
                self._settled.notify_all()

    def end(self, actor: Actor, room: Room, notices: Notices) -> None:
        """End a room's poll, whose result becomes part of its log.

        Raises:
            ProtocolError: `forbidden`: no poll is open, or it is another's; `muted`.
            StoreError: it could not be kept; nothing happened.
        """
        if notices.begun:
            return  # the result was left to be written: see `write_missing`
        with self._claims.of(room.name):
            poll = self._needed(room.name)
            with self._ending(poll):
                result = self._people.decided(partial(self._end, actor, room, poll))
            draft = notices.write_poll(room.name, _closing(result), result)
            if draft is not None:
                room.post(draft, ANY_POLICY)
        self._tell_end(room)

    def _end(self, actor: Actor, room: Room, poll: OpenPoll) -> PollResult:
        """With the room claimed, and nobody voting here: keep what came of its poll."""
        session, asked = _asked(actor)
        if self._find(room.name) is not poll:
            raise _none_open(room.name)  # somebody on another server has ended it
        self._check_may_end(room, session, poll)
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
        return result

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
                draft = Draft(OwnNotices(kept.nick), kept.session, kept.request, _message(kept), ())
                room.post(draft, ANY_POLICY)

    def forget(self, room: str) -> None:
        """Drop the poll of a room that is removed."""
        with self._claims.of(room):
            self._people.decided(partial(self._forget, room))

    def _forget(self, room: str) -> None:
        """With the room claimed: the same."""
        self._store.forget(room)
        self._drop(room)

    # -- what other servers write

    def follow_poll(self, kept: KeptPoll, find_room: Callable[[str], Room | None]) -> None:
        """Let a poll be open that somebody asks on another server."""
        with self._lock:
            self._open[kept.room] = OpenPoll(kept)
        room = find_room(kept.room)
        if room is not None:
            self._tell(room)

    def follow_votes(
        self, votes: Iterable[KeptVote], find_room: Callable[[str], Room | None]
    ) -> None:
        """Count votes of people on another server."""
        with self._lock:
            polls = self._count_kept(votes)
        for poll in polls:
            room = find_room(poll.kept.room)
            if room is not None:
                self._tell_counts_soon(room, poll)

    def follow_end(self, name: str, find_room: Callable[[str], Room | None]) -> None:
        """Take it that the poll of a room has ended, or is forgotten."""
        had_one = self._find(name) is not None
        self._drop(name)
        room = find_room(name)
        if room is not None and had_one:
            self._tell_end(room)

    def follow_all(self, find_room: Callable[[str], Room | None]) -> None:
        """Have whatever polls are kept: they may all be other than before.

        Raises:
            StoreError: they could not be read; all is as it was.
        """
        kept, votes = self._store.polls(), self._store.votes()
        with self._lock:
            gone = list(self._open)
            self._open = {each.room: OpenPoll(each) for each in kept if each.result is None}
            self._votes = 0
            self._count_kept(votes)
            told = list(self._open)
        for name in (*gone, *told):
            room = find_room(name)
            if room is not None:
                (self._tell if name in told else self._tell_end)(room)

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
        asker_is_here = poll.kept.nick in room.roles_elsewhere() or any(
            poll.is_asked_by(member.session) for member in room.members()
        )
        if not poll.is_asked_by(session):
            if asker_is_here:
                raise ProtocolError(
                    Code.FORBIDDEN, f"{poll.kept.nick} asked: only they and moderators may end it"
                )
            self._check_nobody_in_charge(room, "end another's")
        if room.policy is not None:
            room.policy.check_speaker(person_keys(session), self._clock.monotonic())

    def _check_nobody_in_charge(self, room: Room, what: str) -> None:
        here = [each.session for each in room.members()]
        in_charge = [each.nick for each in here if self._permissions.is_moderator(each)]
        elsewhere = room.roles_elsewhere().items()
        in_charge += [nick for nick, role in elsewhere if role >= Role.MODERATOR]
        if in_charge:
            raise ProtocolError(
                Code.FORBIDDEN,
                f"{in_charge[0]} is in charge here: only moderators may {what} polls as long as "
                "one is in the room",
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
                self._people.decided(partial(self._forget, kept.room))
                self._tell_end(room)
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

    def _tell_end(self, room: Room) -> None:
        """Tell everybody in a room that its poll is over."""
        told = Broadcast(PollChange(room.name, False))
        for member in room.members():
            member.outbox.put_if_short(told)

    def _tell_counts_soon(self, room: Room, poll: OpenPoll) -> None:
        """Tell who asked, together with others, of a vote that was counted."""
        with self._lock:
            due, poll.told = poll.told, False
        if due:
            self._timers.call_later(COUNTS_INTERVAL, partial(self._tell_counts, room, poll))

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
