"""The live state as IRC clients ask for it, where no request tells it: read only."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from chat_server.identity.participant import Participant
from chat_server.identity.roles import Role
from chat_server.requests.context import Context
from chat_server.rooms.codec import Broadcast, Codec
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import NO_POLICY, person_keys
from chat_server.rooms.room import Room
from chat_server.runtime.errors import StoreError
from protocol.errors import Code, ProtocolError
from protocol.messages import Message, ServerMessage
from protocol.text import normalize_account, normalize_nick


class IrcPerson(NamedTuple):
    """Somebody who is here.

    Attributes:
        nick: theirs.
        account: the one that they are logged in to.
        moderates: whether they are a moderator or more.
        voiced: whether they may speak in the frozen room that was asked about.
        who: who it is, whatever their nick is next; None if they are on another server.
    """

    nick: str
    account: str | None
    moderates: bool
    voiced: bool = False
    who: Participant | None = None


class Modes(NamedTuple):
    """How a room is.

    Attributes:
        moderated: only some speak: it is frozen, or read-only.
        locked: nobody else comes in.
        invites: only who is invited comes in.
        topic: no rule lets everybody set the topic.
    """

    moderated: bool = False
    locked: bool = False
    invites: bool = False
    topic: bool = False


class LiveServer(Protocol):
    """What the gateway asks. Any thread may call any method, but with no lock held."""

    def now(self) -> float:
        """Return the time in Unix seconds."""
        ...

    def is_here(self, nick: str) -> bool:
        """Return whether somebody who is here has a nick. With any lock held, too."""
        ...

    def person(self, nick: str) -> IrcPerson | None:
        """Return who is here and has a nick."""
        ...

    def people(self) -> int:
        """Return how many are here."""
        ...

    def tell_early(self, rooms: Iterable[str]) -> None:
        """Let those in some rooms get what was said, and who came and went; wait for it."""
        ...

    def has_account(self, name: str) -> bool:
        """Return whether there is an account of that name."""
        ...

    def authenticate(self, name: str, password: str, host: str) -> str | None:
        """Return the name of the account whose password this is.

        Args:
            name: of the account.
            password: what somebody sent.
            host: the address that they sent it from.

        Raises:
            ProtocolError: it was tried too often.
        """
        ...

    def rooms(self) -> int:
        """Return how many rooms there are."""
        ...

    def has_room(self, room: str, nick: str) -> bool:
        """Return whether there is a room of that name, as far as somebody is to know that."""
        ...

    def members(self, room: str) -> list[IrcPerson]:
        """Return who is in a room, in the order of their nicks."""
        ...

    def member(self, room: str, nick: str) -> IrcPerson | None:
        """Return who has a nick, if they are in a room on this server."""
        ...

    def modes(self, room: str) -> Modes:
        """Return how a room is."""
        ...

    def topic(self, room: str) -> str:
        """Return a room's topic."""
        ...

    def last(self, room: str) -> int:
        """Return the seq of a room's latest message; 0 if there is none."""
        ...

    def recent(self, room: str, limit: int, space: int | None = None) -> list[Message]:
        """Return the latest messages of a room; none if they cannot be read.

        Args:
            room: which.
            limit: so many at most.
            space: and no more than fill so many bytes, if it is given.
        """
        ...

    def after(self, room: str, seq: int) -> Message | None:
        """Return the first message of a room behind `seq`.

        Raises:
            ProtocolError: it cannot be read.
        """
        ...

    def check_voice(self, nick: str, room: str | None, host: str) -> None:
        """See that somebody may speak, in a room or to one person.

        Raises:
            ProtocolError: `muted`.
        """
        ...

    def is_muted(self, nick: str) -> bool:
        """Return whether somebody who is here is muted, and no moderator."""
        ...

    def tell(
        self,
        rooms: Iterable[str],
        nicks: Iterable[str],
        event: ServerMessage,
        speaks: Callable[[Codec], bool],
    ) -> None:
        """Send an event once to everybody in some rooms, or of some nicks, who speaks a codec."""
        ...


class ServerState:
    """The live state of a server. See Live."""

    def __init__(self, context: Context) -> None:
        """`context` holds the server's parts."""
        self._context = context

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self._context.clock.time()

    def is_here(self, nick: str) -> bool:
        """Return whether somebody who is here has a nick."""
        return self._context.registry.has_nick(nick)

    def person(self, nick: str) -> IrcPerson | None:
        """Return who is here and has a nick."""
        session = self._session(nick)
        return None if session is None else self._person(session, frozenset())

    def people(self) -> int:
        """Return how many are here."""
        return len(self._context.registry.sessions())

    def tell_early(self, rooms: Iterable[str]) -> None:
        """Let those in some rooms get what was said, and who came and went. See Live."""
        found = [room for name in rooms if (room := self._context.rooms.find(name)) is not None]
        for room, awaited in [(room, room.tell_early()) for room in found]:
            room.wait_until_told(*awaited)

    def has_account(self, name: str) -> bool:
        """Return whether there is an account of that name."""
        try:
            return self._context.accounts.find(normalize_account(name)) is not None
        except ProtocolError:
            return False

    def authenticate(self, name: str, password: str, host: str) -> str | None:
        """Return the name of the account whose password this is. See Live."""
        try:
            account = self._context.authentication.authenticate(
                normalize_account(name), password, host
            )
        except StoreError as error:
            raise _unavailable() from error
        return None if account is None else account.name

    def rooms(self) -> int:
        """Return how many rooms there are."""
        return self._context.rooms.count

    def has_room(self, room: str, nick: str) -> bool:
        """Return whether there is a room of that name. See Live."""
        found, session = self._context.rooms.find(room), self._session(nick)
        if found is None or session is None:
            return found is not None
        here = any(member.session is session for member in found.members())
        return here or not self._context.permissions.hides(found, session)

    def members(self, room: str) -> list[IrcPerson]:
        """Return who is in a room, in the order of their nicks."""
        found = self._context.rooms.find(room)
        if found is None:
            return []
        speakers = self._speakers(found)
        members, elsewhere = found.list_people()
        people = {
            nick: IrcPerson(nick, None, role >= Role.MODERATOR) for nick, role in elsewhere.items()
        }
        people |= {each.session.nick: self._person(each.session, speakers) for each in members}
        return [people[nick] for nick in sorted(people)]

    def member(self, room: str, nick: str) -> IrcPerson | None:
        """Return who has a nick, if they are in a room. See Live."""
        found, session = self._context.rooms.find(room), self._session(nick)
        connection = None if session is None else session.connection
        if found is None or session is None or connection is None:
            return None
        if connection.outbox.member_in(found) is None:
            return None
        return self._person(session, self._speakers(found))

    def modes(self, room: str) -> Modes:
        """Return how a room is."""
        found = self._context.rooms.find(room)
        if found is None:
            return Modes()
        policy = found.policy or NO_POLICY
        return Modes(
            self._context.permissions.is_frozen(found) or policy.read_only,
            policy.lock is not None,
            bool(policy.invite_by),
            policy.topic != "everybody",
        )

    def topic(self, room: str) -> str:
        """Return a room's topic."""
        found = self._context.rooms.find(room)
        return found.topic if found else ""

    def last(self, room: str) -> int:
        """Return the seq of a room's latest message; 0 if there is none."""
        found = self._context.rooms.find(room)
        return found.last if found else 0

    def recent(self, room: str, limit: int, space: int | None = None) -> list[Message]:
        """Return the latest messages of a room; none if they cannot be read. See Live."""
        try:
            return self._context.store.before(room, None, limit, space)
        except StoreError:  # whoever asks for it by a request is told
            return []

    def after(self, room: str, seq: int) -> Message | None:
        """Return the first message of a room behind `seq`. See Live."""
        try:
            return next(iter(self._context.store.after(room, seq, 1)), None)
        except StoreError as error:
            raise _unavailable() from error

    def check_voice(self, nick: str, room: str | None, host: str) -> None:
        """See that somebody may speak, in a room or to one person. See Live."""
        session = self._session(nick)
        if session is None:
            return
        permissions = self._context.permissions
        permissions.check_voice(session, host)
        found = self._context.rooms.find(room) if room is not None else None
        if found is not None and found.policy is not None and not permissions.is_moderator(session):
            found.policy.check_speaker(person_keys(session), self._context.clock.monotonic())

    def is_muted(self, nick: str) -> bool:
        """Return whether somebody who is here is muted. See Live."""
        session = self._session(nick)
        if session is None or session.connection is None:
            return False
        return self._context.permissions.is_muted(session, session.connection.host)

    def tell(
        self,
        rooms: Iterable[str],
        nicks: Iterable[str],
        event: ServerMessage,
        speaks: Callable[[Codec], bool],
    ) -> None:
        """Send an event once to everybody in some rooms, or of some nicks. See Live."""
        found = [self._context.rooms.find(room) for room in rooms]
        outboxes = {member.outbox: None for room in found if room for member in room.members()}
        for session in map(self._session, nicks):
            if session is not None and session.connection is not None:
                outboxes[session.connection.outbox] = None
        told = Broadcast(event)
        for outbox in outboxes:
            if speaks(outbox.codec):
                outbox.put_if_short(told)

    def _session(self, nick: str) -> Session | None:
        try:
            return self._context.registry.session_called(normalize_nick(nick))
        except ProtocolError:
            return None

    def _person(self, session: Participant, speakers: frozenset[str]) -> IrcPerson:
        accounts = self._context.accounts
        return IrcPerson(
            session.nick,
            accounts.name_of(session),
            accounts.role_of(session) >= Role.MODERATOR,
            not speakers.isdisjoint(person_keys(session)),
            session,
        )

    def _speakers(self, room: Room) -> frozenset[str]:
        """The names of those who may speak in a room as it is frozen."""
        freeze = room.policy.frozen(self._context.clock.monotonic()) if room.policy else None
        return freeze.speakers | room.policy.floor if room.policy and freeze else frozenset()


def _unavailable() -> ProtocolError:
    return ProtocolError(Code.UNAVAILABLE, "The server cannot read its store just now.")
