"""One room, as the user at a terminal looks at it."""

from collections import deque
from dataclasses import dataclass, field

from protocol.messages import Message

REPEATED = 20
"""Messages that are shown again, at most, to a user who goes back to a room."""


@dataclass
class RoomView:
    """One room.

    Attributes:
        name: which.
        topic: its topic.
        members: how many are in it.
        after: where its messages began when it was entered last, on this connection.
        last: the seq of the last message at that time: what comes up to it was said before.
        heard: the seq of the last message that came.
        again: whether that was after a reconnection.
        unread: messages that came while another room was looked at.
        mentioned: whether one of them names the user.
        stirred: whether people came or went meanwhile.
        missed: the last of the unread ones.
        nicks: who is there, as far as it is known.
        speakers: who spoke and is still there, whoever spoke last at the end.
        told: the topic that the user has seen.
        frozen: whether only moderators talk there, as far as it is known.
        hands: how many hands are up, as far as it is known.
        raised: whose they are, whoever was first first, as far as it is known.
        read: the seq up to which the user had read before being away; None if all is read.
        skipped: messages up to this seq are not shown: too many came while the user was away.
        held: what came since the user is back, until it is known how much that is; None mostly.
    """

    name: str
    topic: str = ""
    members: int = 0
    after: int = 0
    last: int = 0
    heard: int = 0
    again: bool = False
    unread: int = 0
    mentioned: bool = False
    stirred: bool = False
    missed: deque[Message] = field(default_factory=lambda: deque(maxlen=REPEATED))
    nicks: set[str] = field(default_factory=set)
    speakers: dict[str, None] = field(default_factory=dict)
    told: str = ""
    frozen: bool = False
    hands: int = 0
    raised: dict[str, None] = field(default_factory=dict)
    read: int | None = None
    skipped: int = 0
    held: deque[Message] | None = None

    @property
    def behind(self) -> bool:
        """Whether messages are still to come that were said before."""
        return self.heard < self.last
