"""What a request is answered with: the server's parts, and who asks."""

from typing import NamedTuple, Protocol

from chat_server.delivery.catch_up import CatchUp
from chat_server.delivery.counters import Counters
from chat_server.delivery.fair_queue import FairPlaces, FairQueue
from chat_server.delivery.fanout import Delivery
from chat_server.delivery.late_messages import LateMessages
from chat_server.delivery.outbox import Outbox
from chat_server.delivery.page_cache import Pages
from chat_server.delivery.watching.watch import Watch
from chat_server.identity.accounts import Accounts
from chat_server.identity.admission import Admission
from chat_server.identity.authentication import Authentication
from chat_server.identity.roles import Role
from chat_server.identity.store.people_store import PeopleStore
from chat_server.moderation.guests import Guests
from chat_server.moderation.hands.raised_hands import RaisedHands
from chat_server.moderation.in_force.bans import Sanctions
from chat_server.moderation.in_force.permissions import Permissions
from chat_server.moderation.in_force.standing import Standings
from chat_server.moderation.people_actions import PeopleActions
from chat_server.moderation.pin_board import PinBoard
from chat_server.moderation.polls import Polls
from chat_server.moderation.room_actions import RoomActions
from chat_server.moderation.targets import Actor
from chat_server.requests.rate_limit import RateLimits
from chat_server.rooms.directory import RoomDirectory
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Client, Session
from chat_server.rooms.people.session_keeper import SessionKeeper
from chat_server.rooms.room import Member
from chat_server.runtime.claims import Claims
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import LiveSettings, Settings
from chat_server.runtime.timers import Timers
from chat_server.storage.interface import RoomLog
from chat_server.storage.offered.shared_files import SharedFiles


class Context(NamedTuple):
    """The parts that the server puts together once, and every connection uses."""

    live_settings: LiveSettings
    admission: Admission
    clock: Clock
    timers: Timers
    store: RoomLog
    people: PeopleStore
    accounts: Accounts
    authentication: Authentication
    registry: Registry
    sessions: SessionKeeper
    rooms: RoomDirectory
    sanctions: Sanctions
    permissions: Permissions
    hands: RaisedHands
    late: LateMessages
    pins: PinBoard
    polls: Polls
    files: SharedFiles
    acts: Claims  # sessions that do what those in charge do, or ask and end polls
    acts_on_people: PeopleActions
    acts_on_rooms: RoomActions
    guests: Guests
    standings: Standings
    delivery: Delivery
    pages: Pages
    catch_up: CatchUp
    short_queue: FairQueue
    long_queue: FairQueue
    searches: FairPlaces
    works: FairPlaces
    counters: Counters
    watch: Watch
    rate_limits: RateLimits

    @property
    def settings(self) -> Settings:
        """The settings that count at this moment: to be read where they are used."""
        return self.live_settings.now


class Asker(Client, Protocol):
    """A connection, as far as requests know it."""

    @property
    def peer(self) -> str:
        """Its address, as the log has it."""
        ...

    @property
    def outbox(self) -> Outbox:
        """What goes out on it."""
        ...

    def begin(self, session: Session, *, is_bot: bool) -> None:
        """Speak for somebody from now on."""
        ...


class Caller:
    """Who asks, on which connection, and what the answer is made with. Its thread's own.

    Attributes:
        connection: that the request came by.
        session: of whoever asks.
        context: the server's parts.
        outbox: what goes out to the caller.
        voiced: the version of the bans and mutes by which the caller is not muted.
        member: the membership that was asked for last, which is likely to be asked for next.
    """

    __slots__ = ("connection", "context", "member", "outbox", "session", "voiced")

    def __init__(self, connection: Asker, session: Session, context: Context) -> None:
        self.connection = connection
        self.session = session
        self.context = context
        self.outbox = connection.outbox
        self.voiced = -1
        self.member: Member | None = None

    def keep_session(self) -> int:
        """Return the number of the caller's session in the store, once it is kept there.

        Raises:
            StoreError: it could not be kept.
        """
        if self.session.number is None:
            self.pause()
            self.context.sessions.keep(self.session)
        assert self.session.number is not None
        return self.session.number

    def pause(self) -> None:
        """Let others be answered: this one waits for something now. See delivery.fair_queue."""
        self.context.short_queue.leave(self.outbox)

    @property
    def role(self) -> Role:
        """What the caller may do at this moment."""
        return self.context.accounts.role_of(self.session)

    def actor(self, request: int | None = None) -> Actor:
        """Return the caller as who acts, whatever they may do.

        Args:
            request: the id of the request, if it is to be done once.
        """
        return Actor(self.session.nick, self.role, self.session, request)

    @property
    def mark(self) -> str:
        """What marks the caller's messages: "moderator" or "owner", or "" for a member."""
        role = self.role
        return "" if role is Role.MEMBER else role.word

    def has_voice(self) -> bool:
        """Return whether it is known that no mute means the caller, as of this moment."""
        return self.voiced == self.context.sanctions.version

    def check_voice(self) -> None:
        """See that the caller is not muted. Looked up only after a ban or mute has changed.

        Raises:
            ProtocolError: `muted`.
        """
        version = self.context.sanctions.version
        if self.voiced != version and self.context.permissions.check_voice(
            self.session, self.connection.host
        ):
            self.voiced = version

    def check_person(self) -> None:
        """See that the caller, who has another nick, account or role now, may be here.

        Those in their rooms are told of the role, and they of what holds for them now.

        Raises:
            ProtocolError: `banned`.
        """
        self.voiced = -1
        self.context.permissions.check_person(self.session, self.connection.host)
        self.context.standings.renew(self.session)
