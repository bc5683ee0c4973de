"""What a chat tells whoever listens, in the order in which it happened.

Besides these there are 13 that the server sends as they are: `Message`, `Direct`, `Presence`,
`RoleChange` (our own role is another), `FreezeChange` (from now on only moderators talk in a room,
or everybody does), `RulesChange` (what holds in a room, and for us there), `Invited` (we may come
into a room), `Oldest` (what we had yet to hear in a room is gone), `HandChange` (somebody
raised a hand, or took it down; only moderators are told), `PlaceChange` (where our hand stands),
`FloorChange` (whose turn it is), `PollChange` (a poll is open, or is not) and `PinsChange` (what
stands at the top of a room is this now) of `protocol.messages`.
"""

from dataclasses import dataclass

from protocol.messages import (
    Direct,
    FloorChange,
    FreezeChange,
    HandChange,
    Invited,
    Message,
    Oldest,
    PinsChange,
    PlaceChange,
    PollChange,
    Presence,
    RoleChange,
    RulesChange,
)

MEMBER = "member"
"""The role of everybody who has no other."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The server let us in, for the first time or again.

    Attributes:
        nick: who we are there.
        server: the server's name and version.
        motd: its message of the day, often empty.
        again: whether this was a reconnection.
        role: what we may do there: "member", "moderator" or "owner".
        account: the account that we are logged in to; None if to none.
        left: the account that we were logged in to until now, and are no more; None mostly.
        address: where the server is: of several addresses, the one that let us in.
        moved: whether that is another one than before.
        forgotten: whether the server does not know the session that we had, so that we are a new
            person to it.
    """

    nick: str
    server: str
    motd: str
    again: bool
    role: str = MEMBER
    account: str | None = None
    left: str | None = None
    address: str = ""
    moved: bool = False
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Trusted:
    """A server was seen for the first time, and its certificate is trusted from now on.

    Comes before `Connected`.

    Attributes:
        server: HOST:PORT.
        fingerprint: the SHA-256 of its certificate, in groups.
        file: where that is kept for the next time.
        problem: why it could not be kept there, or "".
    """

    server: str
    fingerprint: str
    file: str
    problem: str


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The connection is gone, or could not be made again.

    Attributes:
        reason: why, a sentence.
        delay: seconds until the next try.
        address: where that will be, if it is another server than this time; else "".
    """

    reason: str
    delay: float
    address: str = ""


@dataclass(frozen=True, slots=True)
class Postponed:
    """The server refused something for now; it is sent again by itself.

    Attributes:
        reason: the server's sentence.
        delay: seconds until then.
    """

    reason: str
    delay: float


@dataclass(frozen=True, slots=True)
class Entered:
    """A room was joined, or entered again on a new connection; its messages follow.

    Attributes:
        room: which one.
        topic: its topic, empty if it has none.
        members: how many are in it, we among them.
        after: the seq behind which its messages follow.
        last: the seq of the last message so far: what follows up to it was said before.
        lost: how many messages behind `after` the server no longer keeps. They do not come.
        again: whether this followed a reconnection.
        frozen: whether only moderators talk there just now, and whom they let.
        gone: how many messages that were received before are no longer in the server's log: it is
            another one now, such as a backup that was restored. What follows `after` has their
            numbers.
    """

    room: str
    topic: str
    members: int
    after: int
    last: int
    lost: int
    again: bool
    frozen: bool = False
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """A room that we were in could not be entered again after a reconnection, or the server took
    us out of it.

    Attributes:
        room: which one.
        reason: the server's sentence.
    """

    room: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The chat is over. Nothing comes after this.

    Attributes:
        reason: why, a sentence; or None if it was closed from this side.
        code: the protocol's code if the server ended it (`kicked`, `banned`, ...), else None.
    """

    reason: str | None
    code: str | None = None


Event = (
    Message
    | Direct
    | Presence
    | RoleChange
    | HandChange
    | PlaceChange
    | FloorChange
    | PollChange
    | FreezeChange
    | RulesChange
    | Invited
    | Oldest
    | PinsChange
    | Trusted
    | Connected
    | Reconnecting
    | Postponed
    | Entered
    | Removed
    | Ended
)
