"""Every part of a server, made and started from the bottom up.

Whatever has to be stopped or closed is noted on one stack as soon as there is something to stop or
close. The stack is unwound in reverse order when the server stops, and also when a later part
cannot be made: so the order of the lines here is the order of both. Two functions are long, as they
make one part after the other.
"""

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from chat_server.delivery.catch_up import CatchUp
from chat_server.delivery.counters import Counters, RecordingCounters
from chat_server.delivery.fair_queue import STRETCH, WORKS, FairPlaces, FairQueue, ServerWaiter
from chat_server.delivery.fanout import Delivery
from chat_server.delivery.late_messages import LateMessages
from chat_server.delivery.page_cache import Pages
from chat_server.delivery.watching.watch import Watch
from chat_server.gateways.connection import Connection
from chat_server.gateways.irc.live import ServerState
from chat_server.gateways.irc.network import Network
from chat_server.gateways.operator.admin import AdminService
from chat_server.gateways.sniff import Doors, refused
from chat_server.gateways.unfinished import UNFINISHED_LIMIT, Unfinished
from chat_server.gateways.web.handouts import handouts
from chat_server.gateways.web.site import Site
from chat_server.identity import owner_secret
from chat_server.identity.accounts import Accounts
from chat_server.identity.admission import Admission
from chat_server.identity.authentication import Authentication
from chat_server.identity.connection_limit import FULL_RETRY_AFTER, ConnectionLimit
from chat_server.identity.passwords import Passwords
from chat_server.identity.store.late_store import LateStore
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.poll_store import PollStore
from chat_server.moderation.guests import Guests
from chat_server.moderation.hands.hand_book import HandBook
from chat_server.moderation.hands.raised_hands import RaisedHands, take_down_ended
from chat_server.moderation.in_force.bans import Sanctions, read_sanctions
from chat_server.moderation.in_force.permissions import Permissions
from chat_server.moderation.in_force.policy_book import PolicyBook
from chat_server.moderation.in_force.standing import Standings
from chat_server.moderation.people_actions import PeopleActions
from chat_server.moderation.pin_board import PinBoard
from chat_server.moderation.polls import Polls
from chat_server.moderation.room_actions import RoomActions
from chat_server.network import tls
from chat_server.network.addresses import (
    Address,
    address_of,
    bind,
    bind_endpoint,
    bind_unix,
    release,
)
from chat_server.network.finding.discovery import Discovery, ServerFacts
from chat_server.network.listener import Listener, Pace
from chat_server.preflight import check_metrics_library, check_redis_library
from chat_server.requests.context import Context
from chat_server.requests.neighbour_acts import NeighbourActs
from chat_server.requests.rate_limit import RateLimits
from chat_server.requests.talk.direct import hear
from chat_server.rooms.attendance import Attendance
from chat_server.rooms.directory import RoomDirectory
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Session
from chat_server.rooms.people.session_keeper import SessionKeeper
from chat_server.rooms.people.shared_members import SharedMembers
from chat_server.rooms.room import Room
from chat_server.runtime.claims import Claims
from chat_server.runtime.clock import Clock, for_each_until
from chat_server.runtime.config.setting_types import Endpoint
from chat_server.runtime.config.settings import LiveSettings, Settings
from chat_server.runtime.errors import StartError, StoreError
from chat_server.runtime.threads import allow_for_threads
from chat_server.runtime.timers import Timers
from chat_server.storage.data_folder import DataFolder
from chat_server.storage.dates import Dates
from chat_server.storage.interface import (
    MembersChange,
    NeighbourListener,
    ProcessFacts,
    RoomLog,
)
from chat_server.storage.maintenance import Housekeeper
from chat_server.storage.offered.shared_files import SharedFiles
from chat_server.storage.searching.search_index import SEARCHES
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.version import SERVER
from protocol.errors import Code, ProtocolError

if TYPE_CHECKING:
    from chat_server.gateways.operator.metrics import Metrics

log = logging.getLogger(__name__)

NO_PLACE = ProtocolError(
    Code.SERVER_FULL,
    "The server has no place for another connection: try again later.",
    retry_after=FULL_RETRY_AFTER,
)
"""What is told to whoever comes when the system has no descriptors or threads left."""

DRAIN_TIMEOUT = 1.0
"""Seconds that storing what was said may take at the end. What is not stored is not confirmed."""

LET_GO_TIMEOUT = 0.5
"""Seconds for which a room that another server has removed may still be busy."""

JOIN_TIMEOUT = 1.0
"""Seconds that the threads of connections may take to notice that those were cut off."""


class _Running(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


AnyRunning = TypeVar("AnyRunning", bound=_Running)


class Kept(NamedTuple):
    """What is kept in the data folder, opened.

    Attributes:
        secret: the owner's secret, if this start made one.
    """

    store: RoomLog
    dates: Dates
    people: PeopleStore
    polls: PollStore
    accounts: Accounts
    sanctions: Sanctions
    hands: HandBook
    book: PolicyBook
    secret: str | None


class Assembly:
    """The parts of a server that runs.

    Attributes:
        parts: those that connections work with.
        kept: what is kept in the data folder.
        attendance: the record of who was in which room, if it is wanted.
        identity: the certificate that new connections are shown, if the server speaks TLS.
        metrics: where Prometheus asks, if it may.
        listener: what accepts connections.
        addresses: where it listens.
    """

    def __init__(
        self,
        opened: ExitStack,
        settings: LiveSettings,
        clock: Clock,
        timers: Timers,
        passwords: Passwords,
        crowd: ConnectionLimit[Connection],
    ) -> None:
        """Make every part. No thread runs yet, and nobody can connect.

        Args:
            opened: gets what closes each part.
            settings: how the server is set up.
            clock: the time.
            timers: not started.
            passwords: what hashes and checks them.
            crowd: who is connected.

        Raises:
            StartError: an address, the data folder or the certificate cannot be used.
            OSError: there are no descriptors left.
        """
        now = settings.now
        self._settings = settings
        self._clock = clock
        self._timers = timers
        self._crowd = crowd
        opened.enter_context(closing(DataFolder(now.data)))
        sockets = _listening_sockets(opened, now)
        metrics_socket = _metrics_socket(opened, now.metrics)
        self.identity = tls.identity(now)
        self._files = SharedFiles(now.data, settings, clock)
        self.kept = _open_kept(opened, settings, clock, passwords)
        counters = RecordingCounters() if metrics_socket else None
        with _reading():
            self.attendance = self._open_attendance(opened)
            self.parts = self._make_parts(opened, passwords, counters or Counters())
        self.addresses = [self._address_of(sock) for sock in sockets]
        neighbours = self.kept.store.neighbours
        self._shared_members = (
            SharedMembers(neighbours, self.parts.rooms.all, self.parts.registry.is_connected)
            if neighbours
            else None
        )
        self._started = clock.time()
        store, dates = self.kept.store, self.kept.dates
        self._housekeeper = Housekeeper(
            settings,
            store,
            store.sessions,
            dates,
            clock,
            self._needs_session,
            self._tidy,
            self.parts.acts_on_rooms.forget_empty,
        )
        self._accepting = ServerWaiter("accept")
        self._admin = AdminService(self.parts, crowd, lambda: self.addresses, self._facts)
        self.metrics = self._open_metrics(opened, metrics_socket, counters)
        self._network = Network(ServerState(self.parts))
        self._doors = Doors(
            settings,
            Site(
                now.origins,
                handouts(self.addresses, now.also),
                self._files,
                now.also,
                lambda room: self.kept.book.own(room).images,
            ),
            self._network,
        )
        self._unfinished: Unfinished[Connection] = Unfinished(UNFINISHED_LIMIT)
        self.discovery = Discovery(self.addresses, now.announce, self._seen_by_seekers, clock)
        opened.callback(self.discovery.stop)
        self.listener = Listener(
            sockets,
            self._accepted,
            self._refuse_address,
            partial(refused, self._doors),
            NO_PLACE,
            None if now.no_limits else Pace(),
        )
        opened.callback(self.listener.close)

    def start(self, opened: ExitStack) -> None:
        """Start the threads. When this returns, clients can connect.

        Args:
            opened: gets what stops each thread, and what is done in between.

        Raises:
            OSError: there are no descriptors left.
            RuntimeError: there is no memory for another thread.
        """
        _start(opened, self._housekeeper)
        if self.attendance:
            _start(opened, self.attendance)
        _start(opened, self._timers)
        self.parts.late.start()
        _start(opened, self.parts.sessions)
        _start(opened, self.parts.catch_up)
        opened.callback(self._say_goodbye)
        self.parts.delivery.start()
        self.kept.store.watch(
            NeighbourListener(
                self._news,
                self._taken_over,
                partial(hear, self.parts),
                self._claim_all,
                self._members_elsewhere,
                self._facts,
                self._removed,
                self.parts.registry.host_of,
            )
        )
        self._follow_neighbours(opened)
        if self._shared_members:
            _start(opened, self._shared_members)
        self.parts.polls.write_missing(self.parts.rooms.all(), self.kept.store)
        opened.callback(self.parts.delivery.stop, DRAIN_TIMEOUT)
        opened.callback(self._shut_rooms)
        if self.metrics:
            _start(opened, self.metrics)
        _start(opened, self._admin)
        _start(opened, self.listener)
        opened.callback(self._accepting.give_up)
        self.discovery.start()
        opened.callback(self.discovery.begin_stop)

    def _follow_neighbours(self, opened: ExitStack) -> None:
        """Make what other servers write of people, from now on."""
        replica = self.kept.people.replica
        if replica is None:
            return
        replica.follower = NeighbourActs(self.parts)
        with _reading():
            _start(opened, replica)

    # -- made by parts of them

    def _open_attendance(self, opened: ExitStack) -> Attendance | None:
        if not self._settings.now.attendance:
            return None
        kept, neighbours = self.kept, self.kept.store.neighbours
        attendance = Attendance(
            self._settings,
            self._clock,
            kept.accounts.name_of,
            kept.dates.past,
            neighbours.stays if neighbours else None,
        )
        return opened.enter_context(closing(attendance))

    def _open_metrics(
        self, opened: ExitStack, sock: socket.socket | None, counters: RecordingCounters | None
    ) -> "Metrics | None":
        if sock is None or counters is None:
            return None
        metrics = _metrics(sock, self.parts, self._crowd, counters)
        opened.callback(metrics.close)
        return metrics

    def _make_parts(self, opened: ExitStack, passwords: Passwords, counters: Counters) -> Context:
        settings, clock, timers = self._settings, self._clock, self._timers
        store, _, people, polls, accounts, sanctions, hand_book, book, _ = self.kept
        catch_up = opened.enter_context(closing(CatchUp(timers)))
        # A room is made with the next one, also those of earlier runs, which `RoomDirectory` makes.
        workers = settings.now.delivery_workers
        queue = FairQueue(STRETCH)
        self._delivery = Delivery(store, clock, workers, counters, queue, self._message_changed)
        keeper = SessionKeeper(store.sessions, clock)
        registry = Registry(clock, store, keeper, people, accounts, self._renamed)
        permissions = Permissions(clock, accounts, sanctions)
        hands = RaisedHands(permissions, book, hand_book, timers, people, registry.elsewhere)
        standings = Standings(clock, timers, accounts, registry, sanctions, permissions)
        rooms = RoomDirectory(
            settings,
            store.rooms(),
            self._make_room,
            hands.member_left,
            hands.room_gone,
            store.room,
        )
        return Context(
            live_settings=settings,
            admission=Admission(settings, clock),
            clock=clock,
            timers=timers,
            store=store,
            people=people,
            accounts=accounts,
            authentication=Authentication(clock, people, accounts, passwords),
            registry=registry,
            sessions=keeper,
            rooms=rooms,
            sanctions=sanctions,
            permissions=permissions,
            hands=hands,
            late=LateMessages(
                settings,
                clock,
                timers,
                LateStore(people.commits, people.replica),
                registry,
                accounts,
            ),
            files=self._files,
            pins=PinBoard(clock, store, people, rooms.find),
            polls=Polls(clock, timers, people, polls, permissions, self.kept.dates.past()),
            acts=Claims(),
            acts_on_people=PeopleActions(
                clock, people, accounts, registry, rooms, sanctions, book, permissions, standings
            ),
            acts_on_rooms=RoomActions(
                clock,
                timers,
                people,
                registry,
                rooms,
                book,
                permissions,
                hands,
                standings,
                self._forget_room,
            ),
            guests=Guests(clock, accounts, registry, rooms, book, permissions),
            standings=standings,
            delivery=self._delivery,
            pages=Pages(store),
            catch_up=catch_up,
            short_queue=queue,
            long_queue=FairQueue(),
            searches=FairPlaces(SEARCHES),
            works=FairPlaces(WORKS),
            counters=counters,
            watch=Watch(rooms, self._crowd.connections, counters, timers, clock),
            rate_limits=RateLimits(settings, clock),
        )

    # -- what parts ask of others above them

    def _seen_by_seekers(self) -> ServerFacts:
        """What those who look for the server learn of it."""
        settings = self._settings.now
        fingerprint = self.identity.fingerprint if self.identity else None
        return ServerFacts(settings.name, fingerprint, bool(settings.password))

    def _address_of(self, sock: socket.socket) -> Address:
        address = address_of(sock)
        return address._replace(tls=address.path is None and self.identity is not None)

    def _accepted(self, sock: socket.socket, peer: str) -> None:
        on_network = sock.family != getattr(socket, "AF_UNIX", None)
        channel = self.identity.channel() if self.identity and on_network else None
        queue = self.parts.short_queue
        allow_for_threads(len(self._crowd))
        # Or threads would start faster than others do what they ask.
        if not queue.enter(self._accepting):
            sock.close()
            return
        try:
            Connection(
                sock, peer, self.parts, self._crowd, self._doors, self._unfinished, channel
            ).start()
        finally:
            queue.leave(self._accepting)

    def _refuse_address(self, host: str) -> ProtocolError | None:
        refusal = self.parts.admission.refuse_address(host)
        if refusal is not None:
            self.parts.counters.refused(refusal.code)
        return refusal

    def _make_room(self, name: str, topic: str, last: int) -> Room:
        attend = self.attendance.note if self.attendance else None
        policy = self.kept.book.of(name)
        give_turn = self._delivery.give_turn
        return Room(
            name, topic, last, give_turn, self._presence_changed, attend, policy, self._share
        )

    def _presence_changed(self, room: Room) -> None:
        self._timers.call_later(self._settings.now.presence_interval, room.presence_due)

    def _share(self, room: Room) -> None:
        if self._shared_members:
            self._shared_members.note(room)

    def _facts(self) -> ProcessFacts:
        """What this server says of itself to the others on the same engine."""
        here = [each for each in self._crowd.connections() if not each.ended]
        neighbours = self.kept.store.neighbours
        round_trip, lag, _ = neighbours.health() if neighbours else (0.0, 0.0, 1)
        return ProcessFacts(
            self._settings.now.name,
            [str(address) for address in self.addresses],
            SERVER,
            os.getpid(),
            self._started,
            len(here),
            sum(each.nick is not None for each in here),
            sum(room.size for room in self.parts.rooms.all()),
            round_trip,
            lag,
        )

    def _renamed(self, session: Session) -> None:
        self.parts.hands.note_nick(session)
        if self.attendance:
            self.attendance.renamed(session)

    def _message_changed(self, room: str, seq: int) -> None:
        pinned, offered = self.parts.pins.note_change(room, seq), self._files.note_change(room)
        if pinned or offered:
            self.kept.store.maintenance_due.set()

    def _tidy(self) -> None:
        """Let go of what belongs to messages that are deleted."""
        self.parts.pins.tidy()
        self._files.tidy(self._place_of, self.kept.store.oldest, self._is_deleted)

    def _place_of(self, room: str, session: int, request: int) -> int | None:
        seq = self.kept.store.find_request(room, session, request)
        if seq is None and self.kept.store.was_deleted(room, session, request):
            return 0
        return seq

    def _is_deleted(self, room: str, seq: int) -> bool:
        found = self.kept.store.after(room, seq - 1, 1)
        return bool(found) and found[0].seq == seq and found[0].deleted

    def _news(self, name: str | None) -> None:
        """Let a worker follow the log of a room, or of every room, to which others may have
        appended.
        """
        rooms, store = self.parts.rooms, self.kept.store
        try:
            if name is None:
                for kept in store.rooms():
                    rooms.adopt(kept)
            elif rooms.find(name) is None:
                rooms.adopt(store.room(name))
        except StoreError as error:  # it is told again when the store can be read
            log.warning("rooms that another server made could not be read: %s", error)
        for room in rooms.all() if name is None else [rooms.find(name)]:
            if room is not None:
                room.note_news()

    def _taken_over(self, token: bytes) -> None:
        """End the connection of a session that is on another server now."""
        connection = self.parts.registry.take_away(token)
        if connection is not None:
            connection.close(Code.REPLACED, "Another connection of yours took over.")

    def _claim_all(self) -> None:
        """Claim the nicks of all who are here; end the connections of those who have lost it."""
        for connection in self.parts.registry.claim_all():
            connection.close(
                Code.REPLACED,
                "Somebody on another server has your nick: this one was cut off for too long.",
            )
        if self._shared_members:
            self._shared_members.tell_all()
        if self.attendance:
            self.attendance.tell_again()

    def _forget_room(self, name: str) -> None:
        self.parts.pins.forget(name)
        self.parts.polls.forget(name)
        self._files.forget_room(name)
        if self.attendance:
            self.attendance.forget(name)
        self.kept.store.remove_room(name)

    def _members_elsewhere(
        self, server: str, rooms: Mapping[str, MembersChange], whole: bool
    ) -> None:
        """Note who came into rooms on another server, and who left."""
        for name, change in rooms.items():
            self._network.note_elsewhere(name, change.gone, change.parted)
        self.parts.rooms.note_elsewhere(server, rooms, whole)

    def _removed(self, name: str) -> None:
        """Let go, soon, of a room that another server has removed."""
        self._timers.call_later(0.0, partial(self._let_go, name))

    def _let_go(self, name: str) -> None:
        """On the timers' thread: do so, and make it anew if something was said in it since."""
        rooms = self.parts.rooms
        found = rooms.find(name)
        if found is not None:
            found.wait_until_stored(LET_GO_TIMEOUT)
        try:
            if rooms.drop_removed(name):
                self._files.forget_room(name)
                rooms.adopt(self.kept.store.room(name))
        except StoreError as error:
            log.warning("not all is forgotten of %s, which another server removed: %s", name, error)

    def _needs_session(self, token: bytes) -> bool:
        """Return whether a session is of use, though nothing was said with it."""
        return (
            self.parts.registry.has_session(token)
            or self.kept.people.membership(token) is not None
            or self.kept.sanctions.means_session(token)
        )

    # -- the end

    def _shut_rooms(self) -> None:
        """Let nobody say anything any more, and end the searches."""
        self.kept.store.stop_searches()
        for room in self.parts.rooms.all():
            room.shut()

    def _say_goodbye(self) -> None:
        """Tell everybody that the server stops, and cut off who does not close in time.

        Each of the two has a time limit, however many there are: with thousands of threads that
        contend, each goodbye takes a while. Whom it did not reach ends with the process.
        """
        crowd, clock = self._crowd, self._clock

        def goodbye(connection: Connection) -> None:
            connection.close(Code.SHUTTING_DOWN, "The server is stopping. Come back later.")

        for act, seconds in (
            (goodbye, self._settings.now.linger),
            (Connection.abort, JOIN_TIMEOUT),
        ):
            deadline = clock.monotonic() + seconds
            for_each_until(deadline, clock, crowd.connections(), act)
            if crowd.wait_until_empty(max(0.0, deadline - clock.monotonic())):
                return
        log.warning("%d connections end with the process: there was no time for them", len(crowd))


def _start(opened: ExitStack, part: AnyRunning) -> None:
    part.start()
    opened.callback(part.stop)


def _listening_sockets(opened: ExitStack, settings: Settings) -> list[socket.socket]:
    sockets = bind(settings.hosts, settings.port)
    for sock in sockets:
        opened.callback(release, sock)
    if settings.unix is not None:
        sockets.append(bind_unix(settings.unix))
        opened.callback(release, sockets[-1])
    return sockets


def _metrics_socket(opened: ExitStack, endpoint: Endpoint | None) -> socket.socket | None:
    """Return a bound socket for the metrics, if there are to be any."""
    if endpoint is None:
        return None
    check_metrics_library()
    return opened.enter_context(bind_endpoint(endpoint))


def _metrics(
    sock: socket.socket,
    parts: Context,
    crowd: ConnectionLimit[Connection],
    counters: RecordingCounters,
) -> "Metrics":
    """Return the metrics. Their library is loaded only where they are wanted."""
    from chat_server.gateways.operator.metrics import Metrics

    return Metrics(sock, parts, crowd, counters)


@contextmanager
def _reading() -> Iterator[None]:
    """What is kept is read while the block runs: where it cannot be, the server does not start."""
    try:
        yield
    except StoreError as error:
        raise StartError(f"{error}. See that the disk has space.") from error


def _open_kept(
    opened: ExitStack, settings: LiveSettings, clock: Clock, passwords: Passwords
) -> Kept:
    now = settings.now
    store = opened.enter_context(closing(_open_log(now)))
    people = opened.enter_context(closing(PeopleStore(now.data)))
    polls = PollStore(people)
    with _reading():
        if store.neighbours is None:
            people.keep_alone()
        else:
            people.share(store.neighbours.writes, polls)
        accounts = Accounts(settings, clock, people, passwords)
        secret = owner_secret.make(people, now.data)
        sanctions = read_sanctions(people, clock)
        hands = HandBook(people, clock)
        book = PolicyBook(people, clock, hands.floors.names)
        take_down_ended(hands, book, people.policies())
        dates = Dates(store, clock)
    _forget_sessions(store, people, dates.past() - now.keep_sessions)
    return Kept(store, dates, people, polls, accounts, sanctions, hands, book, secret)


def _open_log(settings: Settings) -> RoomLog:
    """Return the log engine. The one on Redis is loaded only where it is wanted."""
    if settings.log is None:
        return SqliteLog(settings.data, settings.sync)
    check_redis_library()
    from chat_server.storage.redis.redis_log import RedisLog

    return RedisLog(settings.log, settings.log_password, settings.data)


def _forget_sessions(store: RoomLog, people: PeopleStore, before: float) -> None:
    """Forget the sessions that nobody took up since `before`, in Unix seconds."""
    try:
        store.sessions.forget(before)
        people.forget_sessions(before)
        LateStore(people.commits, people.replica).forget_refusals(before)
    except StoreError as error:
        log.error("old sessions were not forgotten: %s", error)
