"""A raised hand: as the server has it, as others see it, and what becomes of it."""

from dataclasses import dataclass
from typing import NamedTuple

from chat_server.identity.participant import Participant
from chat_server.identity.store.records import KeptHand
from chat_server.rooms.policy import PersonKey, person_key, person_keys


@dataclass(eq=False, slots=True)
class Hand:
    """A hand that is up.

    Attributes:
        number: its key in the store; a hand that was raised later has a larger one.
        room: where it is up, or has the floor.
        who: the person.
        token: the hash of the secret of the session that raised it.
        nick: what they were called when they raised it.
        time: when, in Unix seconds.
        question: what they ask, or "".
        session: whose it is, once that is known to this run of the server.
    """

    number: int
    room: str
    who: PersonKey
    token: bytes
    nick: str
    time: float
    question: str
    session: Participant | None = None

    @classmethod
    def of(cls, kept: KeptHand, session: Participant | None = None) -> "Hand":
        """Return a hand that the store has."""
        return cls(*kept[:7], session)

    def follow(self, kept: KeptHand) -> "Hand":
        """Be what another server has made of it. Return it."""
        if kept.nick != self.nick:
            self.nick, self.session = kept.nick, None
        self.who, self.question = kept.who, kept.question
        return self

    def entry(self) -> "UpHand":
        """Return what others may know of it."""
        names = frozenset((self.who, self.token.hex()))
        return UpHand(self.shown, self.time, self.question, names)

    @property
    def shown(self) -> str:
        """What its owner is called now, as far as it is known."""
        return self.nick if self.session is None else self.session.nick

    def is_of(self, session: Participant) -> bool:
        """Whether it is somebody's."""
        return self.token == session.token or self.who == person_key(session)


class UpHand(NamedTuple):
    """A hand as it is at a moment.

    Attributes:
        nick: what its owner is called.
        time: when it was raised, in Unix seconds.
        question: what they ask, or "".
        names: those that the owner has in rules, as far as they are known.
    """

    nick: str
    time: float
    question: str
    names: frozenset[PersonKey]

    def is_of(self, session: Participant) -> bool:
        """Whether it is somebody's."""
        return not self.names.isdisjoint(person_keys(session))


class Raised(NamedTuple):
    """What has become of a hand that somebody raised.

    Attributes:
        place: where it stands in the queue, from 1.
        hands: how many do.
        news: whether anything has changed.
        lost: the hand that lost its place to it.
        moved: whether others stand behind it who stood there before.
    """

    place: int
    hands: int
    news: bool
    lost: UpHand | None = None
    moved: bool = False


class HandNews(NamedTuple):
    """What other servers have changed in a room.

    Attributes:
        room: its name.
        came: hands that are up now, or ask something else.
        gone: hands that are up no more.
        hands: how many are up.
        floor: whether somebody else has the floor, or nobody.
    """

    room: str
    came: list[UpHand]
    gone: list[UpHand]
    hands: int
    floor: bool
