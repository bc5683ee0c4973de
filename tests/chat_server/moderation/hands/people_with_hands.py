"""Somebody who raises a hand, asks, and is given the floor, without a room."""

from chat_server.identity.participant import Participant
from chat_server.identity.store.records import Act
from chat_server.moderation.hands.hand import Raised
from chat_server.moderation.hands.hand_book import HandBook
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import PersonKey, person_keys


def session(nick: str, account: int | None = None) -> Session:
    """Somebody."""
    made = Session(nick.encode(), nick)
    made.account = account
    return made


def up(book: HandBook, who: Participant, *here: Participant) -> int | None:
    """Somebody raises a hand, while `here` are in the room."""
    names = frozenset[PersonKey]().union(*map(person_keys, here))
    raised = book.raise_hand("lobby", who, "", lambda: names)
    return raised.place if raised.news else None


def ask(book: HandBook, who: Participant, question: str) -> Raised:
    """Somebody raises a hand with a question."""
    return book.raise_hand("lobby", who, question, frozenset)


def give(book: HandBook, *here: Participant, muted: str = "") -> tuple[str | None, str | None]:
    """The first of `here` gets the floor. Return who had it, and who has it."""
    names = frozenset[PersonKey]().union(*map(person_keys, here))
    moved = book.floors.give(
        "lobby", names, lambda hand: hand.nick == muted, lambda _: Act(0.0, "mia", "next", "lobby")
    )
    had, has = (None if hand is None else hand.nick for hand in moved)
    return had, has
