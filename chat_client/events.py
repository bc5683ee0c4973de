"""What a chat tells whoever listens, in the order in which it happened.

Besides these there are three that the server sends as they are: `Message`, `Direct` and
`Presence` of `protocol.messages`.
"""

from dataclasses import dataclass

from protocol.messages import Direct, Message, Presence


@dataclass(frozen=True, slots=True)
class Connected:
    """The server let us in, for the first time or again.

    Attributes:
        nick: who we are there.
        server: the server's name and version.
        motd: its message of the day, often empty.
        again: whether this was a reconnection.
    """

    nick: str
    server: str
    motd: str
    again: bool


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The connection is gone, or could not be made again.

    Attributes:
        reason: why, a sentence.
        delay: seconds until the next try.
    """

    reason: str
    delay: float


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
    """

    room: str
    topic: str
    members: int
    after: int
    last: int
    lost: int
    again: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """A room that we were in could not be entered again after a reconnection.

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
    """

    reason: str | None


Event = (
    Message | Direct | Presence
    | Connected | Reconnecting | Postponed | Entered | Removed | Ended
)  # fmt: skip
