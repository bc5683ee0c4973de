"""A room is a log; a member is a cursor in it.

What somebody says waits as a draft until a delivery worker stores it and publishes it as a segment.
The latest segments stay in memory as the log's tail (`log_tail`), from which the worker feeds the
members, and readers that are a little behind. The rest is in the store.

Room, Member and Draft name one another, so they share this file, which is long, with what a room
needs to know of those above it: the outlet of a client, and the author of a draft. Nothing here
knows a socket.
"""

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct, field

from chat_server.identity.participant import Participant
from chat_server.identity.roles import Role
from chat_server.rooms.codec import Broadcast, Codec
from chat_server.rooms.draft_queue import DraftQueue
from chat_server.rooms.elsewhere import Elsewhere
from chat_server.rooms.log_tail import Chunk, LogTail, Segment, joined, message_cost
from chat_server.rooms.policy import RoomPolicy, SlowMode
from chat_server.rooms.presence import Changes
from chat_server.rooms.round import Round
from chat_server.runtime.round_robin import SERVER_ITSELF, Party
from chat_server.storage.interface import Entry, MembersChange
from protocol.messages import Message, RulesChange, ServerMessage

DRAFTS_COST_LIMIT = 1024 * 1024
"""Talkers faster than the store are slowed, not buffered: so much may wait in a room. How much may
of one client, in all its rooms, its outbox bounds.
"""

ROUND_LIMIT = 128 * 1024
"""What is published while the worker goes once round the members, in bytes as `message_cost`
counts: enough to share the costs among many messages, and what a reader's socket takes at once.
"""

TELLING_EARLY = 0.1
"""Seconds between two moments at which `tell_early` lets a room be told, ahead of time, of who came
and went: or who asks for it all the time makes an event for all of each who comes.
"""

ANY_POLICY = RoomPolicy()
"""Passed to `Room.post` with what no rules bind. It is compared by identity."""


class Outlet(Protocol):
    """What a member hears rooms through: an Outbox, as far as those know it who deliver to it."""

    @property
    def party(self) -> Party:
        """With whom the turns of rooms are shared where it has something said."""
        ...

    @property
    def catching_up(self) -> bool:
        """Whether the catch-up thread feeds it."""
        ...

    def member_in(self, room: "Room") -> "Member | None":
        """Return the membership in a room, if there is one."""
        ...

    @property
    def codec(self) -> Codec:
        """How events are written for this client."""
        ...

    def members(self) -> "tuple[Member, ...]":
        """Return the memberships."""
        ...

    @property
    def writes_own(self) -> bool:
        """Whether the client's own messages are written by its writer: see `Writer`."""
        ...

    def note_own(self, room: "Room", seqs: Sequence[int]) -> None:
        """Note which messages are the client's own, ascending, before they are published."""
        ...

    def offer(
        self,
        member: "Member",
        news: Chunk | None,
        now: float,
        replies: Sequence[ServerMessage] = (),
        settled: int = 0,
    ) -> None:
        """Give replies that were expected, and news, if that is what follows the cursor."""
        ...

    def reply(self, replies: Sequence[ServerMessage], settled: int = 0) -> None:
        """Give replies that were expected, to what took `settled` bytes while it waited."""
        ...

    def abort(self) -> None:
        """Cut it off."""
        ...

    def dismiss(self, member: "Member") -> bool:
        """Send nothing more of a room; return whether anything was."""
        ...

    def put(self, event: ServerMessage) -> None:
        """Send an event after what waits already."""
        ...

    def put_if_short(self, events: Broadcast) -> bool:
        """Send events unless too much waits already; return whether they will be sent."""
        ...


class Author(Protocol):
    """Whoever is to know what became of a draft."""

    def settle(self, draft: "Draft", *, stored: bool = True) -> tuple[Outlet, ...]:
        """Forget a draft that is stored, or refused, and return who waits for the reply."""
        ...


class Draft(Struct, eq=False, gc=False):
    """What somebody says, until it is stored.

    Hundreds of thousands may wait, and while the garbage collector looks at each, nothing else
    happens: so it looks at none. A draft is in a cycle only as long as its session knows it.
    """

    session: Author
    # The number of the author's session in the log; None for a notice that no request asked for.
    number: int | None
    request: int
    message: Message  # not yet at its place in a log
    # Who is owed a reply: more than one where the request came again. Guarded by the session's
    # lock from when the session knows the draft. Drafts that came together share one tuple.
    waiters: tuple[Outlet, ...]
    posted_at: float = field(default_factory=time.monotonic)

    # What the log was asked to store. Kept for when that has to be asked again.
    entry: Entry | None = None
    # Whether it was asked and nobody knows what it did: the draft is neither stored nor refused.
    unsettled: bool = False
    kind: str = ""  # the message's
    cost: int = 0  # what it takes up while it waits, in bytes, roughly

    def __post_init__(self) -> None:
        self.kind = self.message.kind
        self.cost = message_cost(self.message.text)

    @property
    def party(self) -> Party:
        """With whom it shares the turns of rooms: its client's others. The first waiter stays."""
        return self.waiters[0].party if self.waiters else SERVER_ITSELF


@dataclass(eq=False, slots=True)
class Member:
    """A client in a room. `cursor` is the seq of the last message handed to its outbox."""

    room: "Room"
    session: Participant
    outbox: Outlet
    # Guarded by the outbox's lock, as soon as the outbox has admitted the member.
    cursor: int
    # What those in the room know of the role. Written under the room's lock.
    role: Role = Role.MEMBER
    host: str = ""  # the address that the client is from, without a port
    began: int = dataclasses.field(init=False)  # where the cursor was placed
    # Whether the outbox has admitted it, and not dismissed it since. The outbox's own, as well:
    # looking it up there would take memory that is cold by the time a round comes to a member.
    admitted: bool = dataclasses.field(init=False, default=False)
    # The outbox's. Here too, as a round looks at it for each member.
    codec: Codec = dataclasses.field(init=False)
    # Which of the messages behind the cursor are the client's own, ascending, for a writer that
    # writes them itself. Guarded by the outbox's lock.
    own: Sequence[int] = dataclasses.field(init=False, default=())
    # What those in the room know them by, which may be the nick before. Guarded by the room's lock.
    known_as: str = dataclasses.field(init=False)
    # What the client was told last of what holds for it here; None before that. Written by who
    # tells it, who then looks again whether that holds still: see moderation/in_force/standing.py.
    told: RulesChange | None = dataclasses.field(init=False, default=None)

    def __post_init__(self) -> None:
        self.began = self.cursor
        self.codec = self.outbox.codec
        self.known_as = self.session.nick


class Room:
    """One room: who is in it, what waits to be said, and the end of its log."""

    def __init__(
        self,
        name: str,
        topic: str,
        last: int,
        give_turn: "Callable[[Room], None]",
        presence_changed: "Callable[[Room], None]",
        attend: "Callable[[Member, bool], None] | None" = None,
        policy: RoomPolicy | None = None,
        share: "Callable[[Room], None] | None" = None,
    ) -> None:
        """
        Args:
            name: as protocol.text.normalize_room gives it.
            topic: the current one, or "".
            last: the seq of the last message.
            give_turn: called when a delivery worker is to take the room in hand.
            presence_changed: called when a `presence` is to be sent soon.
            attend: called with the lock held, with who came (True) or left; it must be quick.
            policy: the rules that hold from the start.
            share: called with no lock held, after the members were told who came and who left.
        """
        self.name = name
        self.slow_mode = SlowMode()
        self._give_turn = give_turn
        self._presence_changed = presence_changed
        self._attend = attend
        self._share = share

        # Guards all below. Order: RoomDirectory._lock, Room._lock, Outbox._lock.
        self._lock = threading.Lock()
        self._taken = threading.Condition(self._lock)  # there is space for drafts again
        # A turn has ended, or a closed room is open. Nearly always nobody waits for it.
        self._changed = threading.Condition(self._lock)
        self._drafts: DraftQueue[Draft] = DraftQueue()
        self._unsettled: list[Draft] = []  # nobody knows whether they are stored; see `set_aside`
        self._has_news = False  # another process may have appended to the log
        self._members: dict[Outlet, Member] = {}
        self._snapshot: tuple[Member, ...] | None = ()
        self._handed = 0  # messages, to members who are not in any more
        self._changes = Changes()
        self._elsewhere = Elsewhere()
        self._changed_by = SERVER_ITSELF  # with whom their turn is shared
        self._changes_noted = False  # `presence_changed` was called and is not answered yet
        self._presence_due = False
        self._telling = False  # a worker tells of changes in this turn
        self._told = 0  # how often one did
        self._told_early_at = -TELLING_EARLY  # monotonic; when `tell_early` last let one do so
        self._turns = 0  # that have ended
        self._shut = False
        self._given_up = False
        self._closed = False  # it is about to be removed
        self._in_turn = False  # a worker has the room, or it waits for one
        # With whom that turn is shared. Written when the room gets one.
        self.party = SERVER_ITSELF
        self.round: Round[Member] = Round(last)  # the worker's that has the turn; not guarded
        self._tail = LogTail()
        self._topic = topic
        # Written under the lock. Read without it too, as a reader that finds an older value
        # is offered the newer segments by the worker that published them.
        self.last = last
        # The seq of the last entry of this run that changes another: pages of the log that were
        # read before it may be out of date. As `last`.
        self.changed_at = 0
        # Whether all who joined it wanted it to be temporary, who made it too. Written under the
        # lock, or ahead of the room's being known; from False it never changes.
        self.temporary = False
        # None if there are none. Written under the lock; read without it by who then passes what
        # was read to `post` or `add`, where it is compared under the lock.
        self.policy = policy

    # -- connection threads

    def post(self, draft: Draft, policy: RoomPolicy | None) -> bool:
        """Let `draft` be stored and delivered.

        Args:
            draft: what is said.
            policy: the rules that it was checked by; ANY_POLICY if it needs no check.

        Returns False, having done nothing, if the room has other rules by now. So what is said
        after a room was frozen is never in its log behind the notice.

        In a room that is shut it is dropped: nobody is told that it was stored. And in one that was
        given up, where nobody hears it.
        """
        with self._lock:
            while self._closed:
                self._changed.wait()
            if self._shut:
                return True
            if self.policy is not policy and policy is not ANY_POLICY:
                return False
            dropped = self._given_up
            turn = not dropped and self._append(draft)
        if turn:
            self._give_turn(self)
        if dropped:
            draft.session.settle(draft)
        return True

    def post_freely(self, drafts: Sequence[Draft], may: Callable[[], bool]) -> int:
        """Let drafts of one talker be stored and delivered that no rule of the room binds.

        Args:
            drafts: what is said, in order.
            may: says before each whether its author may talk still; called with the lock held, it
                takes none.

        Returns: how many of them, from the first. The others are to be posted one by one, as the
            room has rules, takes nothing now, or `may` said no.
        """
        posted = 0
        with self._lock:
            if self.policy is None and not (self._closed or self._shut or self._given_up):
                for draft in drafts:
                    if not may():
                        break
                    try:
                        self._drafts.append(draft)
                    except MemoryError:  # what is posted one by one is refused by itself
                        break
                    posted += 1
            turn = posted > 0 and self._needs_turn(drafts[0].party)
        if turn:
            self._give_turn(self)
        return posted

    @property
    def waiting_cost(self) -> int:
        """What waits to be stored, in bytes, roughly. Read without the lock, as a guess will do."""
        return self._drafts.cost

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be stored that talkers are to wait, with `wait_for_space`."""
        return self._drafts.cost >= DRAFTS_COST_LIMIT and not self._shut

    def wait_for_space(self) -> None:
        """Wait while too much is waiting to be stored. Another may be first to fill it again."""
        with self._lock:
            while self.is_full:
                self._taken.wait()

    def impose(
        self, policy: Callable[[], RoomPolicy | None], notice: Draft | None
    ) -> RoomPolicy | None:
        """Set the rules, and in the same step let a notice be stored, which waits for nothing.

        Args:
            policy: returns them; called with the lock held, and to take no other but a leaf.
            notice: what the log says of it, if anything.

        Returns: the rules until then.
        """
        turn = False
        with self._lock:
            before, self.policy = self.policy, policy()
            closed = self._closed
            dropped = self._given_up or closed
            if notice is not None and not self._shut and not dropped:
                turn = self._append(notice)
        if turn:
            self._give_turn(self)
        if notice is not None and dropped:
            notice.session.settle(notice, stored=not closed)
        return before

    def add(
        self, member: Member, policy: RoomPolicy | None, *, temporary: bool = False
    ) -> tuple[int, str] | None:
        """Let a member in, or change where it reads. Return how many are in, and the topic.

        A room into which somebody comes who does not want it to be temporary is not, for good.

        Returns None if the room was given up, when there may be another of the same name by now,
        or is about to be, see `wait_until_open`; or if its rules are others than those that the
        member was checked by.
        """
        with self._lock:
            if self._closed or self._given_up or self.policy is not policy:
                return None
            self.temporary = self.temporary and temporary
            before = self._members.get(member.outbox)
            self._members[member.outbox] = member
            self._snapshot = None
            notify = False
            if before is not None:
                self._handed += before.cursor - before.began
                member.known_as, member.told = before.known_as, before.told
                if member.role is not before.role:
                    self._changes.appoint(member.known_as, member.role)
                    notify = self._note_change(member.outbox.party)
            else:
                self._note_arrival(member)
                notify = self._note_change(member.outbox.party)
                if self._attend:
                    self._attend(member, True)
            counts = self.count, self._topic
        if notify:
            self._presence_changed(self)
        return counts

    def remove(self, member: Member) -> None:
        """Let a member go, if it is still in."""
        with self._lock:
            if self._members.get(member.outbox) is not member:
                return
            del self._members[member.outbox]
            self._handed += member.cursor - member.began
            self._snapshot = None
            self._note_departure(member)
            notify = self._note_change(member.outbox.party)
            if self._attend:
                self._attend(member, False)
        if notify:
            self._presence_changed(self)

    def give_up(self, gone: int) -> bool:
        """Let nobody in any more, if nobody is in and nothing is kept. Return whether.

        Args:
            gone: the seq up to which nothing is kept.
        """
        with self._lock:
            waiting = self._drafts or self._unsettled
            busy = self.count or waiting or self._in_turn or self._closed
            if not busy and self.last <= gone:
                self._given_up = True
            return self._given_up

    def close(self) -> int | None:
        """Let nobody in and nothing be said until `end_closing`; wait for what is under way.

        Returns: how many are in: if there are any, the room stays open; None if it was given up.
        """
        with self._lock:
            if self._given_up:
                return None
            if not self.count:
                self._closed = True
            while self._closed and (self._drafts or self._in_turn):
                self._changed.wait()
            return self.count

    @property
    def is_closed(self) -> bool:
        """Whether it is about to be removed. Read without the lock: `add` looks again."""
        return self._closed

    def wait_until_open(self) -> None:
        """Wait while the room is about to be removed, until it is, or is open again."""
        with self._lock:
            while self._closed:
                self._changed.wait()

    def wait_until_stored(self, within: float) -> None:
        """Wait until what was posted is stored or refused, for up to `within` seconds."""
        with self._lock:
            self._changed.wait_for(
                lambda: self._shut or not (self._drafts or self._in_turn), within
            )

    def end_closing(self, *, removed: bool) -> None:
        """Open a closed room again, or give it up, as it was removed; let go on who waits."""
        with self._lock:
            self._closed, self._given_up = False, removed
            self._changed.notify_all()

    def rename(self, member: Member) -> None:
        """Tell the members that one of them, if still in, has another nick."""
        with self._lock:
            nick = member.session.nick
            if self._members.get(member.outbox) is not member or nick == member.known_as:
                return
            self._changes.rename(member.known_as, nick, member.role)
            member.known_as = nick
            notify = self._note_change(member.outbox.party)
        if notify:
            self._presence_changed(self)

    def appoint(self, member: Member, role: Role) -> bool:
        """Tell the members that one of them has another role. Return whether they are still in."""
        with self._lock:
            if self._members.get(member.outbox) is not member:
                return False
            if role is member.role:
                return True
            member.role = role
            self._changes.appoint(member.known_as, role)
            notify = self._note_change(member.outbox.party)
        if notify:
            self._presence_changed(self)
        return True

    def members(self) -> tuple[Member, ...]:
        """Return who is in."""
        with self._lock:
            return self._present()

    def list_people(self) -> tuple[tuple[Member, ...], dict[str, Role]]:
        """Return who is in, for somebody who is given their nicks.

        The next `presence` names who of them left, even if none told that they had come.

        Returns: the members, and the nicks and roles of who is in on other servers.
        """
        with self._lock:
            self._changes.note_list()
            return self._present(), self._elsewhere.people()

    def note_elsewhere(self, server: str, change: MembersChange, *, whole: bool) -> None:
        """Note who came and who left on another server.

        Args:
            server: what it is known by.
            change: what has changed.
            whole: whether these are all who are in on that server.
        """
        with self._lock:
            here = {member.known_as for member in self._members.values()}
            notify = self._elsewhere.note(server, change, self._changes, here, whole=whole)
            notify = notify and self._note_change(SERVER_ITSELF)
        if notify:
            self._presence_changed(self)

    def roles_elsewhere(self) -> dict[str, Role]:
        """Return the nicks and roles of who is in on other servers."""
        with self._lock:
            return self._elsewhere.people()

    @property
    def elsewhere(self) -> int:
        """How many are in on other servers. Read without the lock, as a guess will do."""
        return len(self._elsewhere)

    @property
    def count(self) -> int:
        """How many are in on all servers; one who is on their way from one to another may count
        twice. Read without the lock, as a guess will do.
        """
        return len(self._members) + len(self._elsewhere)

    @property
    def size(self) -> int:
        """How many are in on this server. Read without the lock, as a guess will do."""
        return len(self._members)

    def tell_early(self) -> tuple[int, int]:
        """Let the members be told who came and went so far, ahead of time; but not every time: see
        TELLING_EARLY. Return what `wait_until_told` waits for.
        """
        with self._lock:
            noted, now = self._changes_noted, time.monotonic()
            told = self._told + self._telling + noted
            early = noted and now - self._told_early_at >= TELLING_EARLY
            if early:
                self._told_early_at = now
        if early:
            self.presence_due()
        with self._lock:
            return told, self._turns + self._in_turn

    def wait_until_told(self, told: int, turns: int) -> None:
        """Wait until the members are told who came and went, and until the worker that has the room
        has fed those of its turn. Return at once if the room is shut.

        Args:
            told: how often somebody must have told them, as `tell_early` returned it.
            turns: how many turns must have ended, as well.
        """
        with self._lock:
            while (self._turns < turns or self._told < told) and not self._shut:
                self._changed.wait()

    @property
    def topic(self) -> str:
        """The topic, or ""."""
        with self._lock:
            return self._topic

    @property
    def waiting(self) -> int:
        """How many drafts wait to be stored."""
        with self._lock:
            return len(self._drafts)

    @property
    def delivered(self) -> int:
        """How many messages were handed to members so far, one for each member.

        By the cursors, so that nobody has to count while delivering.
        """
        with self._lock:
            here = sum(member.cursor - member.began for member in self._members.values())
            return self._handed + here

    def shut(self) -> None:
        """Take nothing more: the server stops."""
        with self._lock:
            self._shut = True
            self._taken.notify_all()
            self._changed.notify_all()

    # -- readers that catch up

    def tail_after(self, seq: int, codec: Codec) -> Chunk | None:
        """Return the page that follows `seq`, as `codec` writes it, if it is in the tail."""
        with self._lock:
            segments = self._tail.after(seq)
        return joined(segments, seq, codec) if segments else None

    # -- delivery workers

    def presence_due(self) -> None:
        """Let a worker send the changes that have come together."""
        with self._lock:
            self._presence_due = True
            turn = self._needs_turn(self._changed_by)
        if turn:
            self._give_turn(self)

    def take_drafts(self, space: int = ROUND_LIMIT) -> list[Draft]:
        """Return the next batch, as much as the round has space for, and let go on who waited.

        Args:
            space: how many bytes the batch may have, as `message_cost` counts; one more message
                than fits is in it.
        """
        with self._lock:
            self._has_news = False
            was_full = self.is_full
            batch, self._unsettled = self._unsettled, []
            batch += self._drafts.take(min(space, ROUND_LIMIT - self.round.published))
            if was_full:
                self._taken.notify_all()
            return batch

    def set_aside(self, drafts: Sequence[Draft]) -> None:
        """Keep drafts of which nobody knows whether they are stored, for the room's next turn.

        That comes with the next draft, or with the news that the log can be reached again.
        """
        for draft in drafts:
            draft.unsettled = True
        with self._lock:
            self._unsettled += drafts

    def note_news(self) -> None:
        """Let a worker follow the log, to which another process may have appended."""
        with self._lock:
            self._has_news = True
            turn = self._needs_turn(SERVER_ITSELF)
        if turn:
            self._give_turn(self)

    def rewind(self, last: int) -> tuple[Member, ...]:
        """Go on from an earlier message: the log has lost what came after it.

        Args:
            last: the number of the log's last message.

        Returns: the members, who have to come in anew.
        """
        with self._lock:
            self._tail = LogTail()
            self.last = self.changed_at = last
            self.round = Round(last)
            return tuple(self._members.values())

    def take_changes(self) -> tuple[Changes, int] | None:
        """Return what a `presence` is to tell, and how many are in; None if it is not time."""
        with self._lock:
            if not self._presence_due:
                return None
            self._presence_due = self._changes_noted = False
            self._telling = True
            changes, self._changes = self._changes, Changes()
            members = self._elsewhere.count_with(self._members.values())
        if self._share:
            self._share(self)
        return changes, members

    def publish(self, segment: Segment, topic: str | None, changes: Sequence[Message] = ()) -> None:
        """Add a segment, which is stored, to the log's tail.

        Args:
            segment: the segment.
            topic: the topic that it sets, if it sets one.
            changes: those of its messages that change others.
        """
        with self._lock:
            self._tail.append(segment, changes)
            self.round.published += segment.cost
            if topic is not None:
                self._topic = topic
            if changes:
                self.changed_at = changes[-1].seq
            self.last = segment.last

    def end_turn(self) -> None:
        """Say that the worker is done; the room waits for another turn if there is more."""
        with self._lock:
            self._in_turn = False
            self._turns += 1
            self._told += self._telling
            self._telling = False
            self._changed.notify_all()
            party = self._party_of_more()
            turn = party is not None and self._needs_turn(party)
        if turn:
            self._give_turn(self)

    # -- with the lock held

    def _append(self, draft: Draft) -> bool:
        """Put a draft at the end. Return whether the room needs a turn."""
        assert self._lock.locked()
        self._drafts.append(draft)
        return self._needs_turn(draft.party)

    def _party_of_more(self) -> Party | None:
        """Return with whom the turn is shared in which the worker goes on; None if all is done."""
        assert self._lock.locked()
        if self._drafts:
            return self._drafts.peek().party
        if self._presence_due:
            return self._changed_by
        if self._has_news:
            return SERVER_ITSELF
        return self.party if self.round.needed(self.last) else None

    def _needs_turn(self, party: Party) -> bool:
        assert self._lock.locked()
        if self._in_turn:
            return False
        self._in_turn, self.party = True, party
        return True

    def _present(self) -> tuple[Member, ...]:
        assert self._lock.locked()
        if self._snapshot is None:
            self._snapshot = tuple(self._members.values())
        return self._snapshot

    def _note_arrival(self, member: Member) -> None:
        """Note who came, unless they were in on another server: then only their role may differ."""
        assert self._lock.locked()
        before = self._elsewhere.role_of(member.known_as)
        if before is None:
            self._changes.join(member.known_as, member.role)
        elif before is not member.role:
            self._changes.appoint(member.known_as, member.role)

    def _note_departure(self, member: Member) -> None:
        """Note who went, unless they are in on another server."""
        assert self._lock.locked()
        left = self._elsewhere.role_of(member.known_as)
        if left is None:
            self._changes.leave(member.known_as)
        elif left is not member.role:
            self._changes.appoint(member.known_as, left)

    def _note_change(self, party: Party) -> bool:
        """Note with whom the turn that tells of a change is shared; return if it is new."""
        assert self._lock.locked()
        if self._changes_noted:
            return False
        self._changes_noted, self._changed_by = True, party
        return True
