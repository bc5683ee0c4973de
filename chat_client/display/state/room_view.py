"""One room, as the terminal client shows it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import UnsetType

from chat_client.display.text import fold
from protocol.common.durations import show_duration
from protocol.messages import CHANGES, Message, PinEntry, PollChange, RulesChange

REPEATED = 20
"""The most messages that are shown again when the user goes back to a room."""


_KNOWN = 1000
"""The most messages of a room that are kept, for what answers or names them."""


@dataclass
class RoomView:
    """One room.

    Attributes:
        name: which.
        topic: its topic.
        members: how many are in it.
        after: the seq behind which its messages began when the user entered it last.
        last: the seq of the last message then. Messages up to it were said before.
        heard: the seq of the last message that arrived.
        again: whether the user entered it after a reconnection.
        unread: how many messages came while the user looked at another room.
        mentioned: whether one of them names the user.
        stirred: whether people came or went meanwhile.
        missed: the last of the unread messages.
        nicks: who is there, as far as the client knows.
        speakers: who spoke and is still there; the last speaker stands last.
        told: the topic that the user has seen.
        frozen: whether only moderators may talk, as far as the client knows.
        roles: of those who are there, whose roles are known, but for members.
        rules: what holds there for the user, as the server said last; None before that.
        hands: how many hands are up, as far as the client knows.
        raised: whose they are, in the order in which they were raised.
        pins: what stands at the top of the room, the oldest message first.
        floor: who has the floor; empty if nobody does.
        place: where the user's hand stands in the queue, from 1; 0 if it is down.
        question: what the user asks with it.
        poll: the poll that is open; None if none is.
        read: the seq up to which the user had read before being away; None if all is read.
        skipped: messages up to this seq are not shown: too many came while the user was away.
        said: the latest messages by their seq, in the order in which they came.
        held: messages that are held back until the client knows how many the user missed; None if
            it holds none back.
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
    roles: dict[str, str] = field(default_factory=dict)
    rules: RulesChange | None = None
    hands: int = 0
    raised: dict[str, None] = field(default_factory=dict)
    pins: tuple[PinEntry, ...] = ()
    floor: str = ""
    place: int = 0
    question: str = ""
    poll: PollChange | None = None
    read: int | None = None
    skipped: int = 0
    said: dict[int, Message] = field(default_factory=dict)
    held: deque[Message] | None = None

    def pin(self, pins: Sequence[PinEntry]) -> list[PinEntry]:
        """Take what stands at the top now, and return what of it is new."""
        known = {pin.seq for pin in self.pins}
        self.pins = tuple(pins)
        return [pin for pin in pins if pin.seq not in known]

    def know(self, message: Message) -> None:
        """Keep a message; one that changes others brings those to their latest state."""
        if message.kind not in CHANGES:
            self.said[message.seq] = message
            if len(self.said) > _KNOWN:
                del self.said[next(iter(self.said))]
            return
        if message.changes in self.said:
            self.said[message.changes] = self.said[message.changes].changed_by(message)
        for place, missed in enumerate(self.missed):
            if message.changes in (missed.seq, missed.changes):
                self.missed[place] = missed.changed_by(message)

    def latest(self, nick: str) -> Message | None:
        """Return the latest message that somebody said and that is not deleted; None if none is
        known.

        Args:
            nick: theirs, folded.
        """
        return next(
            (
                message
                for message in reversed(self.said.values())
                if fold(message.from_) == nick
                and message.kind in ("text", "action", "code")
                and not message.deleted
            ),
            None,
        )

    @property
    def silence(self) -> str:
        """Why the user may not talk here, in a word or two; or "slow"; or nothing."""
        if self.rules is None:
            return ""
        if not self.rules.speak:
            return self.rules.why.replace("_", "-")
        slow = self.rules.slow
        return "" if isinstance(slow, UnsetType) else f"slow {show_duration(slow)}"

    @property
    def behind(self) -> bool:
        """Whether older messages are still to arrive."""
        return self.heard < self.last
