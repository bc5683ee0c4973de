"""The server's side of the operator's socket: who may ask, and what is answered."""

import logging
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from chat_server.admin import messages
from chat_server.admin.messages import (
    Done,
    Part,
    RefusedPart,
    decode_request,
    encode,
    fitting,
)
from chat_server.gateways.connection import Connection
from chat_server.gateways.operator.admin_class import add_class, remove_account, remove_class
from chat_server.gateways.operator.admin_order import ACTOR, AnyOrder, Told, done, give_order
from chat_server.identity import owner_secret
from chat_server.identity.connection_limit import ConnectionLimit
from chat_server.identity.store.records import Act
from chat_server.moderation.people_actions import NAMED_AT_ONCE
from chat_server.network import admin_socket
from chat_server.network.addresses import Address, page_url
from chat_server.network.socket_service import SocketService
from chat_server.requests.context import Context
from chat_server.requests.live_requests import disturb_connection
from chat_server.runtime.errors import StoreError
from chat_server.storage.interface import ProcessFacts
from chat_server.version import SERVER
from protocol.errors import ProtocolError
from protocol.framing import FrameDecoder
from protocol.text import normalize_account, normalize_text

log = logging.getLogger(__name__)

RECEIVE_SIZE = 4096


class AdminService:
    """Answers the operator. A server that cannot have the socket goes on without."""

    def __init__(
        self,
        parts: Context,
        crowd: ConnectionLimit[Connection],
        addresses: Callable[[], list[Address]],
        facts: Callable[[], ProcessFacts],
    ) -> None:
        """
        Args:
            parts: the server's.
            crowd: who is connected.
            addresses: tells where it listens.
            facts: returns what the server says of itself.
        """
        self._parts = parts
        self._crowd = crowd
        self._data = parts.settings.data
        self._addresses = addresses
        self._facts = facts
        self._started = parts.clock.time()
        self._service: SocketService | None = None

    def start(self) -> None:
        """Listen, and start the thread."""
        try:
            sock = admin_socket.bind(self._data)
        except admin_socket.NoPlaceError as error:
            log.warning("`chat-server admin` cannot reach this server: %s", error)
            return
        with ExitStack() as bound:
            bound.callback(admin_socket.remove, self._data)
            bound.enter_context(sock)
            service = SocketService("admin", sock, self._serve, self._parts.timers)
            bound.callback(service.close)
            service.start()
            bound.pop_all()
        self._service = service

    def stop(self) -> None:
        """Take no more questions, and end the thread."""
        if self._service is not None:
            self._service.stop()
            admin_socket.remove(self._data)

    # -- the thread

    def _serve(self, visitor: socket.socket) -> None:
        """Answer one visitor. Raises OSError where it has gone."""
        if not admin_socket.may_ask(visitor):
            log.warning("somebody else's process was turned away from %s", admin_socket.FILE)
            return
        for part in self._answer(visitor):
            visitor.sendall(encode(part))

    def _answer(self, visitor: socket.socket) -> Iterator[Part]:
        try:
            request = _read(visitor)
        except (ValueError, ProtocolError) as error:
            yield RefusedPart(f"this is {SERVER}, and it does not understand: {error}")
            return
        if request is None:
            return
        try:
            for part in _METHODS[type(request)](self, request):
                if isinstance(part, Done):
                    self._parts.people.settle()
                yield part
        except ProtocolError as error:
            yield RefusedPart(f"{error.text}.")
        except StoreError as error:
            yield RefusedPart(f"{error}.")

    def servers(self, _: messages.Servers) -> Iterator[Part]:
        """The servers on the same engine, this one first."""
        neighbours = self._parts.store.neighbours
        others = neighbours.others().values() if neighbours else ()
        known = sorted(others, key=lambda each: (each.addresses, each.pid))
        yield messages.ServersPart([self._facts(), *known])
        yield Done()

    def status(self, _: messages.Status) -> Iterator[Part]:
        """How the server is."""
        clock = self._parts.clock
        connections, rooms = self._connections(), self._parts.rooms.all()
        yield messages.StatusPart(
            server=SERVER,
            process=os.getpid(),
            started=self._started,
            now=clock.time(),
            listening=[str(address) for address in self._addresses()],
            page=page_url(self._addresses()) if self._parts.settings.web else None,
            data=str(self._data),
            clients=sum(connection.nick is not None for connection in connections),
            unnamed=sum(connection.nick is None for connection in connections),
            behind=sum(connection.outbox.backlog().behind for connection in connections),
            rooms=len(rooms),
            messages=sum(room.last for room in rooms),
            storing=not self._parts.delivery.refusing,
            history=_size(self._data),
            free=shutil.disk_usage(self._data).free,
            memory=_memory(),
            threads=threading.active_count(),
        )
        yield Done()

    def clients(self, request: messages.Clients) -> Iterator[Part]:
        """Who is connected."""
        connections = self._connections()
        if request.room is not None:
            room = self._parts.rooms.find(request.room)
            if room is None:
                yield RefusedPart(f"there is no room {request.room}.")
                return
            connections = [
                connection
                for connection in connections
                if connection.outbox.member_in(room) is not None
            ]
        rows = (self._client(connection) for connection in sorted(connections, key=_by_nick))
        for batch in fitting(rows):
            yield messages.ClientsPart(batch)
        yield Done()

    def top(self, _: messages.Top) -> Iterator[Part]:
        """Who costs what."""
        for batch in fitting(self._cost(connection) for connection in self._connections()):
            yield messages.TopPart(batch)
        yield Done()

    def kick(self, request: messages.Kick) -> Iterator[Part]:
        """End somebody's connections."""
        with Told() as told:
            self._parts.acts_on_people.kick(ACTOR, request.who, request.reason, told)
        yield done(told, f"{request.who} was thrown out")

    def announce(self, request: messages.Announce) -> Iterator[Part]:
        """Say something as a notice."""
        text, room = normalize_text(request.text), None
        if request.room is not None:
            room = self._parts.rooms.find(request.room)
            if room is None:
                yield RefusedPart(f"there is no room {request.room}.")
                return
        elif not any(each.members() for each in self._parts.rooms.all()):
            yield RefusedPart("nobody is in any room, so nobody would hear it.")
            return
        with Told() as told:
            self._parts.acts_on_rooms.announce(ACTOR, room, text, told)
        yield done(told, f"it was said in {told.rooms} room{'s' if told.rooms > 1 else ''}")

    def order(self, request: AnyOrder) -> Iterator[Part]:
        """Do what moderators do, too."""
        yield give_order(self._parts, request)

    def remove_account(self, request: messages.RemoveAccount) -> Iterator[Part]:
        """Make the nick of an account anybody's, as soon as nobody here has it."""
        name = normalize_account(request.name.removeprefix("@"))
        account, sessions = remove_account(self._parts, name)
        here = sorted(each.nick for each in sessions if each.connection is not None)
        others = [f"{len(here) - NAMED_AT_ONCE} more"] if len(here) > NAMED_AT_ONCE else []
        named = ", ".join([*here[:NAMED_AT_ONCE], *others])
        stay = f"; who is here stays, as a member without an account: {named}" if here else ""
        yield Done(f"the account {account.name} was removed{stay}.")

    def add_class(self, request: messages.ClassAdd) -> Iterator[Part]:
        """Reserve the nicks of a class list."""
        yield add_class(self._parts, request)

    def remove_class(self, request: messages.ClassRemove) -> Iterator[Part]:
        """Forget a class list, or one person on it."""
        yield Done(remove_class(self._parts, request))

    def remove_room(self, request: messages.RemoveRoom) -> Iterator[Part]:
        """Forget a room in which nobody is."""
        self._parts.acts_on_rooms.remove(ACTOR, request.room)
        yield Done(f"the room {request.room} was removed.")

    def new_secret(self, _: messages.NewSecret) -> Iterator[Part]:
        """Make another owner's secret, for all servers that share what they know of people."""
        act = Act(self._parts.clock.time(), messages.OPERATOR, "owner-secret")
        yield messages.SecretPart(owner_secret.replace(self._parts.people, self._data, act))
        yield Done()

    def _cost(self, connection: Connection) -> messages.Cost:
        session, outbox = connection.session, connection.outbox
        return messages.Cost(
            number=id(connection),
            nick=connection.nick,
            account=self._parts.accounts.name_of(session) if session else None,
            address=connection.peer,
            host=connection.host,
            connected=connection.age,
            requests=connection.asked,
            received=connection.received,
            sent=outbox.sent,
            queued=outbox.waited,
            waiting=outbox.backlog().waiting,
            lag=outbox.lag(),
        )

    def _client(self, connection: Connection) -> messages.ClientRow:
        accounts, session = self._parts.accounts, connection.session
        backlog = connection.outbox.backlog()
        return messages.ClientRow(
            nick=connection.nick,
            account=accounts.name_of(session) if session else None,
            role=accounts.role_of(session).word if session else "",
            address=connection.peer,
            connected=connection.age,
            silent=connection.silence,
            rooms=sorted(member.room.name for member in connection.outbox.members()),
            behind=backlog.behind,
            waiting=backlog.waiting,
        )

    def _connections(self) -> list[Connection]:
        """All but those that are ending."""
        return [each for each in self._crowd.connections() if not each.ended]

    def live(self, _: messages.Live) -> Iterator[Part]:
        """What it does at this moment."""
        seen = self._parts.watch.look()
        own = seen.nicks_from(_is_here) if self._parts.settings.no_limits else None
        yield messages.LivePart(seen.look, own)
        yield Done()

    def disturb(self, request: messages.Disturb) -> Iterator[Part]:
        """Hold back, or cut, a connection from this machine."""
        disturb_connection(self._parts, request.who, request.how, None, _is_here)
        yield Done(f"{request.who}: {request.how}.")

    def rooms(self, _: messages.Rooms) -> Iterator[Part]:
        """Which rooms there are."""
        rows = (
            messages.RoomRow(room.name, len(room.members()), room.last, room.topic)
            for room in self._parts.rooms.all()
        )
        for batch in fitting(rows):
            yield messages.RoomsPart(batch)
        yield Done()


_METHODS: dict[type, Callable[[AdminService, Any], Iterator[Part]]] = {
    messages.Status: AdminService.status,
    messages.Servers: AdminService.servers,
    messages.Clients: AdminService.clients,
    messages.Rooms: AdminService.rooms,
    messages.Top: AdminService.top,
    messages.Kick: AdminService.kick,
    messages.Announce: AdminService.announce,
    messages.Ban: AdminService.order,
    messages.Unban: AdminService.order,
    messages.Mute: AdminService.order,
    messages.Unmute: AdminService.order,
    messages.FreezeRooms: AdminService.order,
    messages.Unfreeze: AdminService.order,
    messages.ClassAdd: AdminService.add_class,
    messages.ClassRemove: AdminService.remove_class,
    messages.RemoveAccount: AdminService.remove_account,
    messages.RemoveRoom: AdminService.remove_room,
    messages.Live: AdminService.live,
    messages.Disturb: AdminService.disturb,
    messages.NewSecret: AdminService.new_secret,
}


def _read(visitor: socket.socket) -> messages.AnyRequest | None:
    """The one request of a visit; None if the visitor goes without.

    Raises:
        ProtocolError: what comes is no frame.
        ValueError: it is no request.
    """
    decoder = FrameDecoder(messages.REQUEST_LIMIT)
    while data := visitor.recv(RECEIVE_SIZE):
        for payload in decoder.feed(data):
            return decode_request(payload)
    return None


def _is_here(host: str) -> bool:
    """Whether a connection is from this machine: by a loopback address or a Unix socket."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return True


def _by_nick(connection: Connection) -> tuple[bool, str]:
    return connection.nick is None, (connection.nick or connection.peer).casefold()


def _size(data: Path) -> int:
    """Bytes of what is kept: databases and their logs."""
    return sum(path.stat().st_size for path in data.glob("*.db*") if path.is_file())


def _memory() -> int | None:
    """Bytes that this process holds, where the system tells."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
