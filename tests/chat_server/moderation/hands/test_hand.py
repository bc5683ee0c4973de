"""A hand, as others see it."""

from chat_server.moderation.hands.hand_book import HandBook
from tests.chat_server.moderation.hands.people_with_hands import session, up


def test_a_hand_shows_the_nick_of_the_moment(book: HandBook) -> None:
    eva = session("eva")
    up(book, eva)
    eva.take_nick("evi")
    assert book.nicks("lobby") == ["evi"]
