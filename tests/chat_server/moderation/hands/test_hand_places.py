"""How many hands may be up, and which one loses its place."""

import threading

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.moderation.hands import hand_places
from chat_server.moderation.hands.hand import Raised
from chat_server.moderation.hands.hand_book import HandBook
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import PersonKey, person_keys
from protocol.errors import ProtocolError
from tests.chat_server.moderation.hands.people_with_hands import session, up
from tests.support.waiting import eventually


def test_there_are_not_more_hands_than_may_be(
    book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_places, "HANDS_LIMIT", 2)
    here = session("a"), session("b")
    for each in here:
        up(book, each)
    with pytest.raises(ProtocolError, match="2 hands"):
        up(book, session("c"), *here)


def test_a_full_queue_drops_who_is_not_in_the_room(
    book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest-waiting of them goes, so that people who come and go keep nobody out."""
    monkeypatch.setattr(hand_places, "HANDS_LIMIT", 3)
    here, gone, late = session("here"), session("gone"), session("late")
    for each in (here, gone, late):
        up(book, each)
    names = person_keys(here)
    raised = book.raise_hand("lobby", session("new"), "", lambda: names)
    assert (raised.place, raised.lost and raised.lost.nick) == (3, "gone")
    assert book.nicks("lobby") == ["here", "late", "new"]


def test_hands_that_lose_their_places_at_one_moment_are_others(
    people: PeopleStore, book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who come into a full queue take the places of two who are gone."""
    monkeypatch.setattr(hand_places, "HANDS_LIMIT", 3)
    for nick in ("gone1", "gone2", "here"):
        up(book, session(nick))
    commits, names, raised = people.commits, person_keys(session("here")), list[Raised]()
    threads = [
        threading.Thread(
            target=lambda who=who: raised.append(
                book.raise_hand("lobby", who, "", lambda: frozenset(names))
            )
        )
        for who in (session("new1"), session("new2"))
    ]
    with commits.writing():
        for thread in threads:
            thread.start()
        eventually(lambda: commits._waiting == 2)
    for thread in threads:
        thread.join()
    assert {each.lost.nick for each in raised if each.lost} == {"gone1", "gone2"}
    assert {*book.nicks("lobby")} == {"here", "new1", "new2"}
    assert book.nicks("lobby") == [hand.nick for hand in people.hands()]


def test_hands_of_one_moment_in_one_room_share_a_commit(
    people: PeopleStore, book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that raises its hands waits for the disk once; and no more are up than may be."""
    monkeypatch.setattr(hand_places, "HANDS_LIMIT", 20)
    commits, places, refused = people.commits, list[Raised](), list[str]()
    class_here = [session(f"n{number}") for number in range(25)]
    names = frozenset[PersonKey]().union(*map(person_keys, class_here))

    def raise_hand(who: Session) -> None:
        try:
            places.append(book.raise_hand("lobby", who, "", lambda: names))
        except ProtocolError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=raise_hand, args=(who,)) for who in class_here]
    before = commits.commits
    with commits.writing():
        for thread in threads:
            thread.start()
        eventually(lambda: commits._waiting + len(refused) == len(threads))
    for thread in threads:
        thread.join()
    assert commits.commits == before + 1
    assert refused == ["unavailable"] * 5
    assert book.nicks("lobby") == [hand.nick for hand in people.hands()]
    assert len(book.nicks("lobby")) == 20
    assert sum(raised.moved for raised in places) == sum(each.place < each.hands for each in places)


def test_there_are_not_more_hands_in_all_rooms_than_may_be(
    people: PeopleStore, book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room with the most has to give one up, so nobody keeps others from raising theirs."""
    monkeypatch.setattr(hand_places, "ALL_HANDS_LIMIT", 4)
    for number in range(4):
        book.raise_hand("crowd", session(f"n{number}"), "", frozenset)
    assert up(book, session("eva")) == 1
    assert book.nicks("crowd") == ["n0", "n1", "n2"]
    assert up(book, session("zoe")) == 2
    with pytest.raises(ProtocolError, match="4 hands are up in all rooms"):
        up(book, session("max"))
    assert len(people.hands()) == 4
