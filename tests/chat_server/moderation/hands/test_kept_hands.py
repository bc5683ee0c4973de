"""Hands in the store: in their order, and until it may forget them."""

from chat_server.identity.store.people_store import PeopleStore
from chat_server.moderation.hands.hand_book import HandBook
from tests.chat_server.moderation.hands.people_with_hands import session, up
from tests.support.clock import ManualClock


def test_what_was_taken_down_is_forgotten_with_the_next_tidy(
    people: PeopleStore, book: HandBook
) -> None:
    """A freeze that ends by itself writes nothing."""
    up(book, session("eva"))
    book.clear("lobby")
    assert book.nicks("lobby") == []
    assert len(people.hands()) == 1
    book.kept.tidy()
    assert people.hands() == []


def test_hands_are_kept_in_their_order(people: PeopleStore, book: HandBook) -> None:
    """And are known by their owners, who come back under other nicks."""
    eva, zoe, max_ = session("eva"), session("zoe", 7), session("max")
    for each in (eva, zoe, max_):
        up(book, each)
    book.lower_hand("lobby", max_)
    again = HandBook(people, ManualClock())
    assert again.nicks("lobby") == ["eva", "zoe"]
    back, phone = session("eva"), session("phone", 7)
    back.take_nick("evi")
    for each in (back, phone, session("other")):
        again.know("lobby", each)
    assert again.nicks("lobby") == ["evi", "phone"]
    assert up(again, back) is up(again, phone) is None
    assert again.lower_hand("lobby", phone) == 1
