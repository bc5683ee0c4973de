"""The server: the one place where the parts are put together, started and stopped.

Started from the bottom up, stopped from the top down: nobody new comes in, nobody is heard any
more, what was said is stored and delivered, everybody is told goodbye, and only then do the
threads end that deliver it.
"""

import logging
import socket
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from argon2 import PasswordHasher

from chat_server.delivery.catch_up import CatchUp
from chat_server.delivery.counters import Counters, Meters
from chat_server.delivery.fair_queue import Turns
from chat_server.delivery.fanout import Delivery
from chat_server.delivery.page_cache import Pages
from chat_server.gateways.admin import AdminDesk
from chat_server.gateways.connection import Connection
from chat_server.gateways.native import refused
from chat_server.gateways.site import Site
from chat_server.gateways.sniff import Doors
from chat_server.identity.accounts import Accounts
from chat_server.identity.admission import Admission
from chat_server.identity.authentication import Proofs, make_secret
from chat_server.identity.connection_limit import FULL_RETRY_AFTER, Crowd
from chat_server.identity.participant import Participant
from chat_server.identity.passwords import Passwords, strong_hasher
from chat_server.identity.people_store import PeopleStore
from chat_server.moderation.bans import Sanctions, read_sanctions
from chat_server.moderation.people_actions import ActsOnPeople
from chat_server.moderation.permissions import Checks
from chat_server.moderation.policy_book import RuleBook
from chat_server.moderation.raised_hands import Hands
from chat_server.moderation.room_actions import ActsOnRooms
from chat_server.network import tls
from chat_server.network.addresses import Address, address_of, bind, bind_endpoint, bind_unix
from chat_server.network.listener import Listener
from chat_server.preflight import check_metrics_library
from chat_server.requests.context import Context
from chat_server.rooms.attendance import Attendance
from chat_server.rooms.directory import Rooms
from chat_server.rooms.registry import Registry
from chat_server.rooms.room import Room
from chat_server.rooms.session import Session
from chat_server.runtime.clock import Clock, SystemClock
from chat_server.runtime.config_loader import entry
from chat_server.runtime.errors import StartError, StoreError
from chat_server.runtime.setting_types import Endpoint
from chat_server.runtime.settings import LiveSettings, Settings
from chat_server.runtime.timers import Timers
from chat_server.storage.data_folder import DataFolder
from chat_server.storage.dates import Dates
from chat_server.storage.maintenance import Housekeeper
from chat_server.storage.sqlite.log import SqliteLog
from protocol.errors import Code, ProtocolError
from protocol.messages import THREAD_STACK_SIZE
from protocol.tls import shown_fingerprint

if TYPE_CHECKING:
    from chat_server.gateways.metrics import Metrics

log = logging.getLogger(__name__)

NO_PLACE = ProtocolError(
    Code.SERVER_FULL,
    "The server has no place for another connection: try again later.",
    retry_after=FULL_RETRY_AFTER,
)

# How long what was said before the stop may take to be stored; what is not was not confirmed.
DRAIN_TIMEOUT = 1.0
# After everybody was cut off: how long their threads may take to notice.
JOIN_TIMEOUT = 1.0


class Server:
    """A chat server. It can be started once, and stopped once.

    Attributes:
        addresses: where it listens.
        owner_secret: whoever has it can be in charge; known only to the server that made it, at its
            first start, or later, if nobody was shown the one before.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        hasher: PasswordHasher | None = None,
    ) -> None:
        """
        Args:
            settings: how it is set up.
            clock: another than the machine's, for tests.
            hasher: one that costs less than passwords deserve, for tests.
        """
        self._settings = LiveSettings(settings)
        self._clock = clock or SystemClock()
        self._passwords = Passwords(hasher or strong_hasher())
        self._crowd: Crowd[Connection] = Crowd(self._settings)
        self.addresses: list[Address] = []
        self._identity: tls.Identity | None = None
        self._metrics: Metrics | None = None
        self.owner_secret: str | None = None

    @property
    def settings(self) -> Settings:
        """The settings that count at this moment."""
        return self._settings.now

    @property
    def fingerprint(self) -> str | None:
        """The SHA-256 of the certificate, in hexadecimal digits; None without TLS."""
        return self._identity.fingerprint if self._identity else None

    @property
    def metrics(self) -> Address | None:
        """Where Prometheus can ask, if it can."""
        return self._metrics.address if self._metrics else None

    def start(self) -> None:
        """Open the history and listen; return when clients can connect.

        Raises:
            StartError: the addresses, the data folder or the certificate cannot be used.
        """
        settings = self._settings.now
        threading.stack_size(THREAD_STACK_SIZE)
        self._folder = DataFolder(settings.data)
        sockets: list[socket.socket] = []
        watched: socket.socket | None = None
        self.timers = Timers(self._clock)
        self._attendance: Attendance | None = None
        try:
            sockets = bind(settings.hosts, settings.port)
            if settings.unix is not None:
                sockets.append(bind_unix(settings.unix))
            watched = _metrics_socket(settings.metrics)
            if settings.attendance:
                self._attendance = Attendance(
                    self._settings, self._clock, self._account_of, lambda: self._dates.past()
                )
            self._identity = tls.identity(self._settings.now)
            store, people, accounts, sanctions = self._open(settings)
        except BaseException:
            for sock in [*sockets, *filter(None, [watched])]:
                sock.close()
            if self._attendance:
                self._attendance.close()
            self._folder.close()
            raise
        self._forget_sessions(store, people)
        counters = Counters() if watched else None
        clock, timers, meters = self._clock, self.timers, counters or Meters()
        registry = Registry(clock, store, people, accounts, self._renamed)
        rooms = Rooms(self._settings, store.rooms(), self._make_room)
        checks = Checks(clock, accounts, sanctions)
        hands = Hands(rooms, checks, self._book.hands)
        self._parts = Context(
            live_settings=self._settings,
            admission=Admission(self._settings, clock),
            clock=clock,
            timers=timers,
            store=store,
            people=people,
            accounts=accounts,
            proofs=Proofs(clock, people, accounts, self._passwords),
            registry=registry,
            rooms=rooms,
            sanctions=sanctions,
            checks=checks,
            hands=hands,
            acts_on_people=ActsOnPeople(
                clock, people, accounts, registry, sanctions, self._book, checks
            ),
            acts_on_rooms=ActsOnRooms(
                clock, timers, people, registry, rooms, self._book, checks, hands, self._forget_room
            ),
            delivery=Delivery(store, clock, settings.delivery_workers, meters),
            pages=Pages(store),
            catch_up=CatchUp(timers),
            turns=Turns(),
            meters=meters,
        )
        self._housekeeper = Housekeeper(
            self._settings, store, store.sessions, self._dates, self._clock, self._needs_session
        )
        self._admin = AdminDesk(
            self._parts, self._crowd, lambda: [str(address) for address in self.addresses]
        )
        if watched and counters:
            self._metrics = _metrics(watched, self._parts, self._crowd, counters)
        self._doors = Doors(self._settings, Site(settings.origins, (), {}))
        self._listener = Listener(sockets, self._accepted, self._refuse_address, refused, NO_PLACE)
        self._housekeeper.start()
        if self._attendance:
            self._attendance.start()
        self.timers.start()
        self._parts.catch_up.start()
        self._parts.delivery.start()
        self.addresses = [self._address_of(sock) for sock in sockets]
        self._admin.start()
        if self._metrics:
            self._metrics.start()
        self._listener.start()

    def note_secret_shown(self) -> None:
        """Note that a person was shown the owner's secret: the next start makes no other."""
        try:
            self._parts.proofs.note_secret_shown()
        except StoreError as error:
            log.error("the next start will show another owner's secret: %s", error)

    def stop(self) -> None:
        """Drain and end: what was said is stored, everybody is told goodbye, all is closed.

        Takes at most the settings' `linger` and two seconds, whatever the clients do.
        """
        parts = self._parts
        self._listener.stop()
        self._admin.stop()
        if self._metrics:
            self._metrics.stop()
        for room in parts.rooms.all():
            room.shut()
        parts.delivery.stop(DRAIN_TIMEOUT)
        for connection in self._crowd.connections():
            connection.close(Code.SHUTTING_DOWN, "The server is stopping. Come back later.")
        if not self._crowd.wait_until_empty(self._settings.now.linger):
            for connection in self._crowd.connections():
                connection.abort()
            if not self._crowd.wait_until_empty(JOIN_TIMEOUT):
                log.error("connections that do not end: %s", self._crowd.connections())
        parts.catch_up.stop()
        self.timers.stop()
        self._housekeeper.stop()
        if self._attendance:
            self._attendance.stop()
        parts.people.close()
        parts.store.close()
        self._folder.close()

    def reload(self, settings: Settings) -> None:
        """Take what can change while it runs from other settings, and log what that is.

        Whoever is connected stays, but for those whose address is denied from now on.

        Raises:
            StartError: what they name cannot be used. All is as it was.
        """
        new, changed, later = self._settings.now.taking_live(settings)
        self._show_certificate(new)
        self._settings.now = new
        for each in changed:
            log.info("from now on %s", entry(each, new))
        self._show_out()
        for each in later:
            log.warning("this needs a restart: %s", entry(each, settings))
        if not changed and not later:
            log.info("the settings are as they were")

    def _show_out(self) -> None:
        """End the connections of those who might not come in now."""
        for connection in self._crowd.connections():
            refusal = self._parts.admission.refuse_address(connection.host)
            if refusal is not None:
                connection.close(refusal.code, refusal.text)

    def _open(self, settings: Settings) -> tuple[SqliteLog, PeopleStore, Accounts, Sanctions]:
        """Open what is kept; nothing is left open if that fails."""
        with ExitStack() as opened:
            store = opened.enter_context(closing(SqliteLog(settings.data, settings.sync)))
            people = opened.enter_context(closing(PeopleStore(settings.data)))
            try:
                accounts = Accounts(self._settings, self._clock, people, self._passwords)
                self.owner_secret = make_secret(people)
                sanctions = read_sanctions(people, self._clock)
                self._book = RuleBook(people, self._clock)
                self._dates = Dates(store, self._clock)
            except StoreError as error:
                raise StartError(f"{error}. See that the disk has space.") from error
            opened.pop_all()
        return store, people, accounts, sanctions

    def _forget_sessions(self, store: SqliteLog, people: PeopleStore) -> None:
        before = self._dates.past() - self._settings.now.keep_sessions
        try:
            store.sessions.forget(before)
            people.forget_sessions(before)
        except StoreError as error:
            log.error("old sessions were not forgotten: %s", error)

    def _needs_session(self, token: bytes) -> bool:
        """Whether a session is of use, though nothing was said with it."""
        return (
            self._parts.registry.has_session(token)
            or self._parts.people.membership(token) is not None
            or self._parts.sanctions.means_session(token)
        )

    def _show_certificate(self, settings: Settings) -> None:
        """Let those who connect from now on be shown what the certificate's file holds now."""
        before, self._identity = self.fingerprint, tls.identity(settings, make=False)
        if self.fingerprint is not None and self.fingerprint != before:
            shown = shown_fingerprint(self.fingerprint)
            log.info("from now on the certificate is another one: %s", shown)

    def _address_of(self, sock: socket.socket) -> Address:
        address = address_of(sock)
        return address._replace(tls=address.path is None and self._identity is not None)

    def _accepted(self, sock: socket.socket, peer: str) -> None:
        on_network = sock.family != getattr(socket, "AF_UNIX", None)
        channel = self._identity.channel() if self._identity and on_network else None
        Connection(sock, peer, self._parts, self._crowd, self._doors, channel).start()

    def _refuse_address(self, host: str) -> ProtocolError | None:
        refusal = self._parts.admission.refuse_address(host)
        if refusal is not None:
            self._parts.meters.refused(refusal.code)
        return refusal

    def _make_room(self, name: str, topic: str, last: int) -> Room:
        attend = self._attendance.note if self._attendance else None
        rules = self._book.of(name)
        return Room(name, topic, last, self._give_turn, self._presence_changed, attend, rules)

    def _forget_room(self, name: str) -> None:
        if self._attendance:
            self._attendance.forget(name)
        self._parts.store.remove_room(name)

    def _renamed(self, session: Session) -> None:
        if self._attendance:
            self._attendance.renamed(session)

    def _account_of(self, session: Participant) -> str | None:
        return self._parts.accounts.name_of(session)

    def _give_turn(self, room: Room) -> None:
        self._parts.delivery.give_turn(room)

    def _presence_changed(self, room: Room) -> None:
        self.timers.call_later(self._settings.now.presence_interval, room.presence_due)


def _metrics_socket(endpoint: Endpoint | None) -> socket.socket | None:
    """A bound socket for the metrics, if there are to be any."""
    if endpoint is None:
        return None
    check_metrics_library()
    return bind_endpoint(endpoint)


def _metrics(
    sock: socket.socket, parts: Context, crowd: Crowd[Connection], counters: Counters
) -> "Metrics":
    """The metrics, whose library is loaded for who wants them."""
    from chat_server.gateways.metrics import Metrics

    return Metrics(sock, parts, crowd, counters)
