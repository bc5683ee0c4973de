"""What goes out on one connection, and the one place where it is sent.

Replies and events are put in; the messages of the rooms are offered by the delivery workers, or
read by the catch-up thread from where a member's cursor stands. Whoever has something to send
sends it, at once and without waiting, under the lock. What the socket does not take stays as
`_rest`; from then on until the socket has taken everything the outbox is blocked: only the catch-up
thread sends.

The one delicate step is from catching up back to live. It is decided by the cursor, under the
lock, on both sides: the catch-up thread lets go only when every cursor stands at the end of what
is published; a worker, which publishes before it offers, sends only what follows the cursor. But it
passes over, without the lock, what the catch-up thread has: so that one looks once more when it has
let go. Whoever comes second sees what the other did, and nothing falls between them.

One lock guards all of it, so it is one class, and this file is long.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import NamedTuple

from chat_server.network.transport import DONT_WAIT, PlainWire, Wire
from chat_server.rooms.codec import Broadcast, Codec, Writer
from chat_server.rooms.log_tail import Chunk
from chat_server.rooms.room import Member, Room
from chat_server.runtime.clock import Clock
from chat_server.runtime.round_robin import Party
from protocol.messages import Oldest, ServerMessage

QUEUE_LIMIT = 256 * 1024
"""Presence and direct messages are dropped, and requests are read no further, when so many bytes
wait for a client that does not take them.
"""

EARLY_LIMIT = 20
"""So many events of others wait for a client that is just coming in."""

OWED_LIMIT = 256 * 1024
"""A client is read no further, either, when so many bytes of what it said wait to be stored, in all
rooms together.
"""

OWED_AGAIN = OWED_LIMIT // 2
"""And then not until no more than so many do. If each text that is stored let its talker say one
more, fifty of them would be woken at once for fifty texts, again and again.
"""


class Step(Enum):
    """How a step of catching up ended."""

    BLOCKED = auto()  # go on when the socket takes bytes again
    BEHIND = auto()  # go on at once
    DONE = auto()  # nothing more to do: the workers feed all members, or nobody does


class Backlog(NamedTuple):
    """How far behind a client is."""

    behind: bool  # the catch-up thread feeds it
    waiting: int  # bytes that wait to be sent
    held: str = ""  # how it is held back on purpose


class Outbox:
    """The sending half of one connection. Any thread may call any method."""

    __slots__ = (
        "_blocked",
        "_catch_up",
        "_changed",
        "_clock",
        "_closed",
        "_early",
        "_expected",
        "_expected_cost",
        "_finishing",
        "_given",
        "_given_cost",
        "_lock",
        "_members",
        "_queue",
        "_queued",
        "_read_page",
        "_reader_done",
        "_rest",
        "_stops_waiting",
        "_wire",
        "_writer",
        "catching_up",
        "codec",
        "party",
        "sent",
        "socket",
        "taken_at",
        "waited",
    )

    def __init__(
        self,
        sock: socket.socket,
        clock: Clock,
        catch_up: "Callable[[Outbox], None]",
        read_page: Callable[[Room, int, Codec], Chunk],
        writer: Writer,
        wire: Wire | None = None,
        address: str = "",
    ) -> None:
        """
        Args:
            sock: in blocking mode, as another thread waits in its recv (see DONT_WAIT).
            clock: for `taken_at`.
            catch_up: hands an outbox to the catch-up thread.
            read_page: gives the messages of a room that follow a seq.
            writer: how this client is written to.
            wire: what sends on the socket; plainly, if nothing is given.
            address: that the client shares with others, see `addresses.neighbourhood`.
        """
        self.socket = sock
        self.party = Party(address, id(self))
        self.codec = writer.codec
        self._writer = writer  # under the lock, too
        self._wire: Wire = wire or PlainWire(sock)  # under the lock, too
        self._clock = clock
        self._catch_up = catch_up
        self._read_page = read_page

        # The replies that the workers were to give, and bytes of what they are the replies to. The
        # connection's thread alone counts them, so it waits for no worker that sends.
        self._expected = self._expected_cost = 0

        # Guards all below, and the right to write to the socket. Held during
        # sends, none of which waits. Order: RoomDirectory._lock, Room._lock, Outbox._lock.
        self._lock = threading.Lock()
        # What the connection's thread waits in, while it waits: see `_wait`. Most of the time there
        # is none, as it takes a kilobyte.
        self._changed: threading.Condition | None = None
        self._blocked = False  # the socket did not take all of what was sent last
        self._rest: memoryview | bytes = b""  # what the wire has yet to take of that
        self._queue: list[bytes] = []  # frames that wait behind it
        self._early: list[Broadcast] | None = None  # events that wait for the welcome, if any do
        self._queued = 0  # their bytes
        self._given = 0  # replies by the workers
        self._given_cost = 0  # bytes of what they were the replies to
        self._members: dict[Room, Member] = {}
        # The catch-up thread has this outbox. Read without the lock too: who finds it set after
        # something was published knows that the thread will see that, before it lets go or when
        # it looks again afterwards.
        self.catching_up = False
        self._finishing = False  # the last frame is in; nothing more is taken
        self._closed = False  # nothing goes out any more
        # The server ends the connection, so its thread waits for nothing any more. Not set where
        # the client is gone: what it had sent is still done, in its turn.
        self._stops_waiting = False
        self._reader_done = False  # the thread that read from the socket has left it
        self.sent = 0  # bytes that the wire has taken, of all that was ever sent
        self.waited = 0.0  # seconds for which the connection's thread stood in a fair queue
        self.taken_at = clock.monotonic()  # when the socket last took bytes, pings aside

    # -- anyone

    def put(self, event: ServerMessage) -> None:
        """Send `event` after what waits already."""
        with self._lock:
            if not self._finishing:
                self._put(self._writer.write(event))

    def hold_events(self) -> None:
        """Keep the events of others until `put_welcome`: a client expects nothing before it."""
        with self._lock:
            self._early = []

    def put_welcome(self, event: ServerMessage) -> None:
        """Send the reply to a hello, and then what others told this client meanwhile."""
        with self._lock:
            early, self._early = self._early or [], None
            if not self._finishing:
                self._put(self._writer.write(event))
                for events in early:
                    self._put(self._writer.write_shared(events))

    def put_bytes(self, data: bytes) -> None:
        """Send what a gateway has written itself, after what waits already."""
        with self._lock:
            if not self._finishing:
                self._put(data)

    def put_ping(self, event: ServerMessage) -> None:
        """Send `event` without taking it for a sign of life that the kernel had space for it."""
        with self._lock:
            if not self._finishing:
                taken_at = self.taken_at
                self._put(self._writer.write(event))
                self.taken_at = taken_at

    def put_if_short(self, events: Broadcast) -> bool:
        """Send `events` unless too much waits already; return whether they will be sent."""
        with self._lock:
            if self._finishing or self._queued >= QUEUE_LIMIT:
                return False
            if self._early is None:
                self._put(self._writer.write_shared(events))
            elif len(self._early) < EARLY_LIMIT:
                self._early.append(events)
            else:
                return False
            return True

    def wake(self) -> None:
        """Let the connection's thread look again at what it waits for."""
        with self._lock:
            self._wake()

    # -- the connection's thread

    @property
    def is_long(self) -> bool:
        """Whether too much waits, to be sent or to be stored. It may be read without the lock."""
        return self._owed >= OWED_LIMIT or self._queued >= QUEUE_LIMIT

    def wait_until_short(self) -> None:
        """Wait while too much waits to be sent, as who does not read replies asks in vain; or to be
        stored, as it comes faster than that.
        """
        with self._lock:
            if not self.is_long:
                return
            while self._owed > OWED_AGAIN or self._queued >= QUEUE_LIMIT:
                if self._stops_waiting:
                    return
                self._wait()

    @property
    def _owed(self) -> int:
        """Bytes of what it said that wait to be stored. It may be read without the lock."""
        return self._expected_cost - self._given_cost

    def wait_while(self, waits: "Callable[[Outbox], bool]") -> bool:
        """Wait as long as `waits` says so; whoever changes that calls `wake`.

        Returns False if the server ends the connection.
        """
        began = self._clock.monotonic()
        with self._lock:
            while waits(self) and not self._stops_waiting:
                self._wait()
            self.waited += self._clock.monotonic() - began
            return not self._stops_waiting

    @property
    def is_gone(self) -> bool:
        """Whether nothing that is put here goes out. It may be read without the lock."""
        return self._finishing

    def push(self) -> None:
        """Send what TLS has to say by itself: the handshake, above all, and what waited for it."""
        with self._lock:
            if self._blocked:
                self._start_catching_up()
            else:
                self._send(b"")

    def speak(self, writer: Writer) -> None:
        """Write in another way from now on, as the client speaks another."""
        with self._lock:
            self._writer, self.codec = writer, writer.codec
            for member in self._members.values():
                member.codec = writer.codec

    def speak_plainly(self) -> None:
        """Give TLS up, before anything was said in it: the other side does not speak it."""
        with self._lock:
            self._wire = PlainWire(self.socket)
            if self._blocked:
                self._start_catching_up()

    def expect_reply(self, cost: int = 0, count: int = 1) -> None:
        """Note that a worker will give replies, to what takes `cost` bytes until then."""
        self._expected += count
        self._expected_cost += cost

    def expect_no_reply(self, cost: int = 0, count: int = 1) -> None:
        """Take `expect_reply` back: this thread gives the replies after all."""
        self._expected -= count
        self._expected_cost -= cost

    @property
    def is_owed(self) -> bool:
        """Whether `wait_until_answered` would wait. On this thread: no other makes it owed more."""
        return self._expected > self._given

    def wait_until_answered(self) -> None:
        """Wait until every reply that was expected is given."""
        with self._lock:
            while self.is_owed and not self._stops_waiting:
                self._wait()

    def wait_until_sent(self, timeout: float) -> None:
        """Wait up to `timeout` seconds until nothing waits to be sent."""
        with self._lock:
            until = time.monotonic() + timeout
            while (self._blocked or self._queue) and (left := until - time.monotonic()) > 0:
                self._wait(left)

    def admit(self, member: Member, reply: ServerMessage) -> bool:
        """Send the reply to a join, and from then on what follows the member's cursor.

        Returns False, having sent nothing, if the connection is being closed.
        """
        with self._lock:
            if self._finishing:
                return False
            self._put(self._writer.write(reply))
            before = self._members.get(member.room)
            if before is not None:
                before.admitted = False
                member.own = before.own
            self._members[member.room] = member
            member.admitted = True
            if member.cursor < member.room.last:
                self._start_catching_up()
            return True

    def dismiss(self, member: Member) -> bool:
        """Send nothing more of a room; return whether anything was. From any thread."""
        with self._lock:
            if not member.admitted:
                return False
            member.admitted = False
            del self._members[member.room]
            return True

    def member_in(self, room: Room) -> Member | None:
        """Return the membership in `room`, if there is one."""
        with self._lock:
            return self._members.get(room)

    def members(self) -> tuple[Member, ...]:
        """Return the memberships."""
        with self._lock:
            return tuple(self._members.values())

    def backlog(self) -> Backlog:
        """Return how far behind the client is."""
        with self._lock:
            waiting = len(self._rest) + self._queued
            return Backlog(self.catching_up, waiting, self._wire.held)

    def lag(self) -> int:
        """Return how many messages of its rooms the client is behind, all told."""
        with self._lock:
            return sum(max(0, each.room.last - each.cursor) for each in self._members.values())

    def rewire(self, change: Callable[[Wire], Wire]) -> None:
        """Send by another wire from now on: `change` makes it of the present one."""
        with self._lock:
            self._wire = change(self._wire)
        self.push()

    # -- delivery workers

    def offer(
        self,
        member: Member,
        news: Chunk | None,
        now: float,
        replies: Sequence[ServerMessage] = (),
        settled: int = 0,
    ) -> None:
        """Give `replies` that were expected, and `news`, if that is what follows the cursor.

        Where that leaves the member behind, or the socket is full, the catch-up thread has it in
        hand from then on. `now` is the monotonic time, which is read once for many members.
        What the replies are to took `settled` bytes until now.
        """
        with self._lock:
            ahead = self._settle(replies, settled) if replies else b""
            if self._blocked or not member.admitted:
                self._put(ahead)
                return
            if news is not None and member.cursor == news.first - 1:
                member.cursor = news.last
                data = self._without_own(member, news) if member.own else news.buffer
                self._send(ahead + data if ahead else data, now)
            elif ahead:
                self._send(ahead, now)
            if member.cursor < member.room.last:
                self._start_catching_up()

    @property
    def writes_own(self) -> bool:
        """See `Writer`. Read without the lock: no writer changes it after the hello."""
        return self._writer.writes_own

    def note_own(self, room: Room, seqs: Sequence[int]) -> None:
        """Note which messages are the client's own, ascending, before they are published."""
        with self._lock:
            member = self._members.get(room)
            if member is not None:
                known = member.own[-1] if member.own else 0
                member.own = [*member.own, *(seq for seq in seqs if seq > known)]

    def reply(self, replies: Sequence[ServerMessage], settled: int = 0) -> None:
        """Give replies that were expected, to what took `settled` bytes until now."""
        with self._lock:
            self._put(self._settle(replies, settled))

    # -- the catch-up thread

    def step(self) -> Step:
        """Send what waits, then one page for the member that has waited the longest.

        Raises:
            StoreError: the page could not be read; the step is to be taken again later.
        """
        with self._lock:
            if not self._flush():
                if self._wire.waits_for_peer:
                    self._stop_catching_up()  # `push` begins again
                    return Step.DONE
                return Step.BLOCKED
            member = self._one_behind()
            if member is None:
                self._stop_catching_up()
            else:
                cursor = member.cursor
        if member is None:
            self._look_again()
            return Step.DONE
        page = self._read_page(member.room, cursor, self.codec)
        with self._lock:
            # While the page was read a worker may have fed the member, or the member left.
            if member.cursor == cursor and member.admitted:
                self._members[member.room] = self._members.pop(member.room)
                if not self._blocked and page.oldest > cursor + 1:  # deleted, since it joined
                    member.cursor = page.oldest - 1
                    self._send(self._writer.write(Oldest(member.room.name, page.oldest)))
                if not self._blocked:
                    member.cursor = page.last
                    self._send(self._without_own(member, page) if member.own else page.buffer)
            return Step.BLOCKED if self._blocked else Step.BEHIND

    def _look_again(self) -> None:
        """After letting go: take hold again, if something was published since the last look.

        The worker that published it may have found us still at it, and passed this outbox over.
        The lock was let go in between, so that either it or this look comes second, and sees.
        """
        with self._lock:
            if self._one_behind() is not None:
                self._start_catching_up()

    # -- the end

    def finish(self, *last_events: ServerMessage) -> tuple[Member, ...]:
        """Send `last_events` after what waits, then end the stream. Nothing else is sent.

        If the end was begun already, `last_events` are not sent. Returns the memberships that are
        still to be ended, each of them once.
        """
        with self._lock:
            members = tuple(self._members.values())
            for member in members:
                member.admitted = False
            self._members.clear()
            self._stop_waiting()
            if self._finishing:
                return members
            self._put(self._written(last_events))
            self._finishing = True
            if not self._blocked:
                self._end_stream()
            return members

    def abort(self) -> None:
        """Drop what waits and wake whoever is blocked in the socket."""
        with self._lock:
            self._stop_waiting()
            self._drop()

    def close(self) -> None:
        """Let go of the socket; called once, by the thread that read from it.

        It is closed by whoever leaves it last, this thread or the catch-up thread, as a
        descriptor that is closed while somebody waits for it may be another's by then.
        """
        with self._lock:
            self._stop_waiting()
            self._drop()
            # A timer may hold the connection for some time yet; what TLS takes need not wait.
            self._wire = PlainWire(self.socket)
            self._reader_done = True
            if not self.catching_up:
                self.socket.close()

    # -- with the lock held

    def _wait(self, timeout: float | None = None) -> None:
        """Wait until `_wake`, or for `timeout` seconds. No thread but the connection's waits."""
        self._changed = threading.Condition(self._lock)
        try:
            self._changed.wait(timeout)
        finally:
            self._changed = None

    def _wake(self) -> None:
        """Let the connection's thread look again at what it waits for."""
        if self._changed is not None:
            self._changed.notify()

    def _stop_waiting(self) -> None:
        """Let the connection's thread wait for nothing, now and later."""
        self._stops_waiting = True
        self._wake()

    def _without_own(self, member: Member, news: Chunk) -> bytes:
        """Return messages as the client is sent them whose own are written by its writer."""
        own = [seq for seq in member.own if seq <= news.last]
        member.own = [seq for seq in member.own if seq > news.last]
        write = self._writer.write
        return b"".join(
            piece if isinstance(piece, bytes) else write(piece) for piece in news.around(own)
        )

    def _written(self, events: Sequence[ServerMessage]) -> bytes:
        return b"".join(map(self._writer.write, events))

    def _settle(self, replies: Sequence[ServerMessage], settled: int) -> bytes:
        """Owe so many replies less. Return what is to be sent."""
        self._given += len(replies)
        self._given_cost += settled
        if self._owed <= OWED_AGAIN or not self.is_owed:
            self._wake()
        return b"" if self._finishing else self._written(replies)

    def _put(self, frame: bytes) -> None:
        if not frame:  # which is how some formats write some events
            return
        if self._blocked:
            self._queue.append(frame)
            self._queued += len(frame)
        else:
            self._send(frame)

    def _send(self, data: bytes | memoryview, now: float | None = None) -> None:
        """Send now what the socket takes, and keep the rest. Only while it is not blocked."""
        assert not self._blocked
        if self._closed:
            return
        if now is None:
            now = self._clock.monotonic()
        wire = self._wire
        try:
            sent = wire.send(data, DONT_WAIT)
        except BlockingIOError:
            sent = 0
        except (OSError, MemoryError):  # with TLS, some of it may be encrypted and lost
            self._drop()  # the reader finds out why
            return
        self.sent += sent
        if wire.took or (sent and not wire.unsent):
            self.taken_at = now
        if sent < len(data) or wire.unsent:
            self._blocked, self._rest = True, memoryview(data)[sent:]
            self._start_catching_up()

    def _flush(self) -> bool:
        """Send what waits. Return whether all is sent."""
        while self._blocked or self._queue:
            if self._blocked:
                rest = self._unblock()
                self._send(rest)
            else:
                frames = b"".join(self._queue)
                self._queue.clear()
                self._queued = 0
                self._wake()
                self._send(frames)
            if self._blocked:
                return False
        self._wake()
        if self._finishing:
            self._end_stream()
        return not self._blocked

    def _unblock(self) -> memoryview | bytes:
        """Take out what the wire has yet to take."""
        rest, self._rest = self._rest, b""
        self._blocked = False
        return rest

    def _one_behind(self) -> Member | None:
        """The member that has waited the longest for what is published; None if none waits."""
        if self._closed:
            return None
        return next((m for m in self._members.values() if m.cursor < m.room.last), None)

    def _start_catching_up(self) -> None:
        if not self.catching_up:
            self.catching_up = True
            self._catch_up(self)

    def _stop_catching_up(self) -> None:
        self.catching_up = False
        if self._reader_done:
            self.socket.close()

    def _end_stream(self) -> None:
        try:
            if not self._wire.end(DONT_WAIT):
                self._blocked = True
                self._start_catching_up()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        """Send nothing more. The memberships stay, for the connection's thread to end them."""
        self._finishing = self._closed = True
        self._unblock()
        self._queue.clear()
        self._queued = 0
        self._wake()
        with contextlib.suppress(OSError):  # it is not connected any more
            self.socket.shutdown(socket.SHUT_RDWR)
