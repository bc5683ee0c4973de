"""Delivery: what is said becomes part of the log, and goes out to everybody.

The delivery workers take rooms that have something new. Who made it so takes turns with the others,
however many rooms they talk in (`runtime.round_robin`). What has piled up in a room while the
workers were busy is one batch: one entry of a transaction, and one buffer. Rooms that wait together
are stored in one transaction, of no more bytes than one large batch has. Then the worker feeds the
next few members of each room, a stride on its way round, with all that follows their cursors; the
rest waits for the room's next turn. Members at the same cursor share one buffer and get it in one
send. Under load batches and buffers grow by themselves, and the cost of a message falls.

What is said while a worker is on its way round is sent along with the next stride, so nobody waits
for a round to end. docs/performance.md says what that brought.

Where a crowd makes short requests, a worker with much to deliver takes turns with them
(`delivery.worker_turns`). Otherwise it would contend with each of them for the interpreter, and
what is said in another room would wait three times as long.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from chat_server.delivery.counters import Counters
from chat_server.delivery.fair_queue import FairQueue
from chat_server.delivery.replies import error_event
from chat_server.delivery.worker_turns import WorkerTurns
from chat_server.rooms.codec import Broadcast, Codec
from chat_server.rooms.draft_queue import NOTICES, SHARE
from chat_server.rooms.log_tail import Chunk, Segment
from chat_server.rooms.presence import Changes
from chat_server.rooms.room import ROUND_LIMIT, Draft, Member, Outlet, Room
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import (
    STORE_RETRY_AFTER,
    LogRewoundError,
    OutcomeUnknownError,
    StoreError,
)
from chat_server.runtime.round_robin import RoundRobin
from chat_server.runtime.threads import ServerThread, Survived, Vital
from chat_server.storage.interface import (
    Entry,
    NotKnown,
    RequestKey,
    RoomLog,
    Stored,
    acting,
)
from protocol.errors import Code
from protocol.messages import Message, Ok
from protocol.text import nick_key

log = logging.getLogger(__name__)

STRIDE = 256
"""Members fed in one turn: enough that its own costs vanish, few enough for some milliseconds."""

GROUP_LIMIT = 64
"""The most rooms that are stored in one transaction, so that it stays short."""

GROUP_BYTES = ROUND_LIMIT // 4
"""What is stored in one transaction where several wait, in bytes: some 250 short texts, so that
the next one waits for 10 ms of work. More would make a text hardly cheaper.
"""

MUCH = 4096
"""What is worth a turn in the fair queue, in bytes: some thirty short texts. A turn costs two
changes of threads.
"""

PIECE = 32
TURN_BYTES = 1024 * 1024
"""After so many of them it is looked whether others wait, and enough bytes were sent for one turn.
"""

CLOCK_TOLERANCE = 1.0
"""A clock that is kept in time by small steps is not worth a warning; seconds."""


_StoredDraft = tuple[Draft, int]
"""A draft, and its number in the log."""


class _Batch(NamedTuple):
    """Drafts of one room, and what is to be stored of each."""

    room: Room
    drafts: list[Draft]
    entries: list[Entry]


class _Replies(NamedTuple):
    """What one client is told, and how many bytes each thing took that it is the reply to."""

    oks: list[Ok]
    costs: list[int]


class _Group(NamedTuple):
    """Rooms of which what waits is stored in one transaction.

    Attributes:
        rooms: those with the least to store stand first: so they wait for no more than themselves.
        cost: what is stored of all, in bytes.
        space: how much may be stored of each, in bytes: as much less as more wait.
    """

    rooms: list[Room]
    cost: int
    space: int


class Delivery:
    """The workers. `give_turn` hands them a room."""

    def __init__(
        self,
        room_log: RoomLog,
        clock: Clock,
        workers: int,
        counters: Counters,
        queue: FairQueue,
        changed: Callable[[str, int], None] | None = None,
    ) -> None:
        """
        Args:
            room_log: stores what is said, and numbers it.
            clock: says when it was said.
            workers: how many there are.
            counters: are told of each batch.
            queue: the fair queue of short requests.
            changed: is told, quickly, of each message that was edited or deleted: room and seq.
        """
        self._changed_message = changed
        self._log = room_log
        self._counters = counters
        self._queue = queue
        self._clock = clock
        # Guards the next two, and wakes the workers. A leaf.
        self._changed = threading.Condition()
        self._waiting: RoundRobin[Room] = RoundRobin()  # rooms that wait for a worker
        self._ending = False  # the workers end when none waits
        # For the log only: whichever worker comes last sets them.
        self._said_at = 0.0
        self._refusing = False
        self._abandoned = threading.Event()  # stopping has taken too long
        names = [f"delivery-{number}" for number in range(1, workers + 1)]
        self._turns = WorkerTurns(queue, names)
        self._threads = [ServerThread(partial(self._run, name), name) for name in names]
        self._giving = Vital("giving a room its turn")

    def start(self) -> None:
        """Start the workers."""
        self._turns.start()
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Deliver what has been posted, for up to `timeout` seconds, then end the workers.

        Nothing more is posted by then.
        """
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._abandoned.set()
        self._turns.stop()
        for thread in self._threads:
            thread.join()

    def give_turn(self, room: Room) -> None:
        """Let a worker take `room` in hand. A room calls this, once until the turn ends."""
        with self._giving, self._changed:
            self._waiting.put(room.party, room)
            self._changed.notify()

    @property
    def refusing(self) -> bool:
        """Whether what is said is refused, as the log could not be written the last time."""
        return self._refusing

    def _run(self, name: str) -> None:
        while not self._abandoned.is_set() and (group := self._next_group()):
            if self._is_worth_a_turn(group):
                with self._turns.turn(name):
                    self._deliver(group)
            else:
                self._deliver(group)

    def _is_worth_a_turn(self, group: _Group) -> bool:
        """Whether to wait for a turn first. Not where a commit waits: others go on then."""
        if self._ending or self._log.commits_wait:
            return False
        return group.cost >= MUCH and self._queue.is_crowded and self._turns.are_given

    def _next_group(self) -> _Group | None:
        """Wait for rooms that are stored in one transaction. None when there will be no more.

        All that wait share the cost of a commit. Together they have no more members than a large
        room is fed in one turn, and no more is stored of them than of one large room: so nobody
        waits longer for the next one. With several workers each leaves the others their share.
        """
        with self._changed:
            waiting = self._waiting
            while not waiting.size:
                if self._ending:
                    return None
                self._changed.wait()
            limit = ROUND_LIMIT if waiting.parties == 1 else GROUP_BYTES
            space = max(SHARE, limit // waiting.parties)
            most = min(GROUP_LIMIT, 1 + (waiting.size - 1) // len(self._threads))
            taken: list[tuple[int, int, Room]] = []
            members = size = 0
            while waiting.size and len(taken) < most and members < STRIDE and size < limit:
                room = waiting.take()
                cost = min(room.waiting_cost, space)
                taken.append((cost or limit, len(taken), room))
                members += room.size
                size += cost
            return _Group([room for *_, room in sorted(taken)], size, space)

    def _deliver(self, group: _Group) -> None:
        """Give rooms a turn each: store what was posted, and feed the next members."""
        rooms, _, space = group
        posted = [(room, drafts) for room in rooms if (drafts := room.take_drafts(space))]
        stored = self._store(posted) if posted else {}
        for room in rooms:
            if not self._publish(room, stored.get(room, [])):
                room.set_aside([draft for draft, _ in stored.pop(room, [])])
            news = _News(room)
            if room in stored:
                self._counters.published(room, stored[room][0][0].posted_at)
                self._answer(news, stored[room])
            due = room.take_changes()
            if due:
                with Survived("telling a room who came and left"):
                    self._announce(room, *due)
            self._feed_next(news)
            self._counters.fed(room)
            room.end_turn()

    def _feed_next(self, news: "_News") -> None:
        """Feed the next members of a room: fewer, where others wait and each is sent much."""
        room, now = news.room, self._clock.monotonic()
        fed = sent = 0
        while fed < STRIDE and (sent < TURN_BYTES or not self._waiting.size):
            members = room.round.take(min(PIECE, STRIDE - fed), room.last, room.members)
            if not members:
                return
            sent += _feed(news, members, now)
            fed += len(members)

    # -- storing

    def _store(self, posted: list[tuple[Room, list[Draft]]]) -> dict[Room, list[_StoredDraft]]:
        """Store drafts of several rooms in one transaction, and return those that are stored.

        Whoever posted another one is told that it is not.
        """
        now = self._now()
        batches = self._prepare(posted, now)
        if not batches:
            return {}
        begun = time.monotonic()
        seqs = self._append(batches)
        if seqs is None:
            for batch in batches:
                self._turn_away(batch.room, batch.drafts)
            return {}
        self._counters.committed(len(seqs), time.monotonic() - begun)
        stored: dict[Room, list[_StoredDraft]] = {}
        numbers = iter(seqs)
        for batch in batches:
            pairs = list(zip(batch.drafts, numbers, strict=False))
            good = [(draft, seq) for draft, seq in pairs if seq is not None]
            if len(good) < len(pairs):
                self._turn_away(batch.room, [draft for draft, seq in pairs if seq is None])
            if good:
                stored[batch.room] = stored.get(batch.room, []) + good
        return stored

    def _append(self, batches: list[_Batch]) -> Sequence[int | None] | None:
        """Append batches to the log. Return the numbers of their entries, one batch after the
        other; None if nothing is stored, or that is not known and will be settled.

        Raises:
            OutcomeUnknownError: nobody knows whether it is. The server ends by this, and the next
                start reads what is stored; clients send again what had no reply.
        """
        outcome = self._log.append([entry for batch in batches for entry in batch.entries])
        if isinstance(outcome, NotKnown):
            if not outcome.settles:
                raise OutcomeUnknownError(outcome.reason)
            for batch in batches:
                for draft in batch.drafts:
                    draft.unsettled = True
        if not isinstance(outcome, Stored):
            if not self._refusing:
                log.error("what is said is refused until it can be stored: %s", outcome.reason)
            self._refusing = True
            return None
        if self._refusing:
            log.warning("what is said can be stored again")
            self._refusing = False
        return outcome.seqs

    def _prepare(self, posted: list[tuple[Room, list[Draft]]], now: float) -> list[_Batch]:
        """Make entries of drafts. One for which there is no memory is refused, and no other."""
        with Survived("preparing what is said"):
            return [_batch(room, drafts, now) for room, drafts in posted]
        if len(posted) == 1 and len(posted[0][1]) == 1:
            self._refuse(posted[0][1])
            return []
        singly = [(room, [draft]) for room, drafts in posted for draft in drafts]
        return [batch for each in singly for batch in self._prepare([each], now)]

    def _now(self) -> float:
        """Return the time that messages are said at, in Unix seconds."""
        now = self._clock.time()
        if now < self._said_at - CLOCK_TOLERANCE:
            log.warning(
                "the clock was set back by %.0f s: messages carry its time, and keep their order",
                self._said_at - now,
            )
        self._said_at = now
        return now

    def _turn_away(self, room: Room, drafts: list[Draft]) -> None:
        """Refuse drafts that are not stored, but for those of which nobody knows it."""
        self._refuse([draft for draft in drafts if not draft.unsettled])
        room.set_aside([draft for draft in drafts if draft.unsettled])

    def _refuse(self, drafts: list[Draft]) -> None:
        text = "The server cannot write its history just now; the message is not stored."
        for draft in drafts:
            reply = error_event(draft.request, Code.UNAVAILABLE, text, STORE_RETRY_AFTER)
            for outbox in draft.session.settle(draft, stored=False):
                outbox.reply([reply], draft.cost)

    # -- sending

    def _publish(self, room: Room, stored: list[_StoredDraft]) -> bool:
        """Make what became part of a room's log the end of its tail.

        Returns: whether the log could be read, and what is stored is in it.
        """
        try:
            messages = self._log.follow(room.name, room.last)
            _note_own(room, stored)
            while messages:
                if room.policy is not None and room.policy.slow:
                    _note_spoken(room, messages, stored, self._clock.monotonic())
                self._publish_segment(room, messages)
                messages = self._log.follow(room.name, room.last)
        except LogRewoundError as error:
            log.error("who is in %s has to come in anew: %s", room.name, error)
            for member in room.rewind(error.last):
                member.outbox.abort()
            room.note_news()
        except StoreError as error:
            log.error("what is new in %s could not be read: %s", room.name, error)
        return max([seq for _, seq in stored], default=0) <= room.last

    def _publish_segment(self, room: Room, messages: list[Message]) -> None:
        """Publish the messages that follow a room's tail."""
        segment, acts = Segment(messages[0].seq, tuple(messages)), acting(messages)
        if not acts:  # nearly always
            room.publish(segment, None)
            return
        topics = [message.text for message in acts if message.kind == "topic"]
        changes = [message for message in acts if message.kind != "topic"]
        room.publish(segment, topics[-1] if topics else None, changes)
        if changes and self._changed_message is not None:
            for entry in changes:
                self._changed_message(room.name, entry.changes)

    def _answer(self, news: "_News", stored: list[_StoredDraft]) -> None:
        """Tell the talkers that their drafts are stored, and where.

        They come first, and get what was said together with their replies. So no `ok` arrives ahead
        of what it is for: a client that says `bye` then would not see its own last words.
        """
        replies: dict[Outlet, _Replies] = {}
        for draft, seq in stored:
            reply = Ok(re=draft.request, seq=seq) if seq else Ok(re=draft.request, gone=True)
            for outbox in draft.session.settle(draft):
                given = replies.get(outbox)
                if given is None:
                    given = replies[outbox] = _Replies([], [])
                given.oks.append(reply)
                given.costs.append(draft.cost)
        now = self._clock.monotonic()
        for outbox, (oks, costs) in replies.items():
            member, settled = outbox.member_in(news.room), sum(costs)
            if member is None:
                outbox.reply(oks, settled)
            else:
                outbox.offer(member, news.after(member.cursor, member.codec), now, oks, settled)

    def _announce(self, room: Room, changes: Changes, members: int) -> None:
        events = changes.events(room.name, members)
        if not events:
            return
        presence = Broadcast(*events)
        for member in room.members():
            member.outbox.put_if_short(presence)


def _batch(room: Room, drafts: list[Draft], now: float) -> _Batch:
    """Return what is to be stored of the drafts of a room."""
    for draft in drafts:
        draft.entry = draft.entry or _entry(room, draft, now)
    return _Batch(room, drafts, [draft.entry for draft in drafts if draft.entry])


def _entry(room: Room, draft: Draft, now: float) -> Entry:
    """Return what is to be stored of a draft."""
    message = replace(draft.message, room=room.name, time=now)
    if draft.number is None:
        return Entry(message, None, secrets.token_hex(8))
    return Entry(message, RequestKey(draft.number, draft.request, draft.kind in NOTICES))


def _note_own(room: Room, stored: Sequence[_StoredDraft]) -> None:
    """Let talkers know which messages are their own, before they are delivered."""
    own: dict[Outlet, list[int]] = {}
    for draft, seq in stored:
        if seq and draft.kind not in NOTICES:
            for outbox in draft.waiters:
                if outbox.writes_own:
                    own.setdefault(outbox, []).append(seq)
    for outbox, seqs in own.items():
        outbox.note_own(room, seqs)


def _note_spoken(
    room: Room, messages: Sequence[Message], stored: Sequence[_StoredDraft], now: float
) -> None:
    """Let slow mode know who spoke on another server: moderators, whom it does not bind, apart."""
    own = {seq for _, seq in stored}
    for message in messages:
        if message.seq not in own and message.kind not in NOTICES and not message.role:
            room.slow_mode.hear(nick_key(message.from_), now)


class _News:
    """What follows each cursor in a room's tail, as long as nothing more is published there."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self._after: dict[tuple[int, Codec], Chunk | None] = {}

    def after(self, cursor: int, codec: Codec) -> Chunk | None:
        """Return the buffer that all members at `cursor` share who speak one wire format.

        Returns None if the tail has none, or if it cannot be written now: the catch-up thread has
        those members in hand then, and cuts off who cannot be written to.
        """
        key = cursor, codec
        if key not in self._after:
            self._after[key] = None
            with Survived("writing what was said for the members of a room"):
                self._after[key] = self.room.tail_after(cursor, codec)
        return self._after[key]


def _feed(news: _News, members: Sequence[Member], now: float) -> int:
    """Offer each of `members` what follows its cursor. `now` is the monotonic time.

    Cursors are read without the outbox's lock, under which `offer` looks again. What is passed by
    here is owed nothing, or in the hands of the catch-up thread, which goes by the cursor as well.

    Returns: how many bytes were sent, roughly: as if all were where the last one was.
    """
    last = news.room.last
    known, codec, follows = last, None, None  # most are where the one before is, with its codec
    for member in members:
        cursor = member.cursor
        if cursor == last or member.outbox.catching_up:
            continue
        if cursor != known or member.codec is not codec:
            known, codec = cursor, member.codec
            follows = news.after(cursor, codec)
        try:
            member.outbox.offer(member, follows, now)
        except Exception as error:  # whatever it is: one member's trouble is not the room's
            log.error("%s is cut off by a mistake of the server's", member.known_as, exc_info=error)
            member.outbox.abort()
    return len(members) * len(follows.buffer) if follows else 0
