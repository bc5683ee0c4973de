"""Who has the floor, without a room."""

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from chat_server.moderation.hands.hand_book import HandBook
from chat_server.rooms.policy import person_keys
from tests.chat_server.moderation.hands.people_with_hands import ask, give, session, up
from tests.support.clock import ManualClock


def test_the_floor_goes_from_one_to_the_next_who_is_here(book: HandBook) -> None:
    """Who is away keeps the place; with nobody left, nobody has the floor."""
    away, eva, zoe = session("away"), session("eva"), session("zoe")
    for each in (away, eva, zoe):
        up(book, each)
    assert give(book, eva, zoe) == (None, "eva")
    assert give(book, eva, zoe) == ("eva", "zoe")
    assert book.nicks("lobby") == ["away"]
    assert give(book, eva, zoe) == ("zoe", None)
    assert give(book, eva, zoe) == (None, None)
    assert give(book, away) == (None, "away")


def test_questions_and_the_floor_outlive_the_server(people: PeopleStore, book: HandBook) -> None:
    eva, zoe = session("eva"), session("zoe", 7)
    ask(book, eva, "who are you?")
    ask(book, zoe, "what is a port?")
    give(book, eva, zoe)
    again = HandBook(people, ManualClock())
    floor = again.floors.of("lobby")
    assert floor is not None
    assert (floor.nick, floor.question) == ("eva", "who are you?")
    assert [hand.question for hand in again.queue("lobby")] == ["what is a port?"]
    assert again.floors.give_back("lobby", session("eva"))
    assert HandBook(people, ManualClock()).floors.of("lobby") is None


def test_nobody_reads_what_somebody_asks_who_is_muted_by_then(
    people: PeopleStore, book: HandBook
) -> None:
    eva = session("eva")
    ask(book, eva, "rude?")
    assert give(book, eva, muted="eva") == (None, "eva")
    for each in (book, HandBook(people, ManualClock())):
        floor = each.floors.of("lobby")
        assert floor is not None
        assert floor.question == ""


def test_rules_may_name_who_has_the_floor(people: PeopleStore, book: HandBook) -> None:
    """With the question that they asked."""
    eva, zoe = session("eva"), session("zoe")
    ask(book, eva, "why?")
    assert book.floors.name_speaker("lobby", eva)
    assert not book.floors.name_speaker("lobby", eva)
    floor = HandBook(people, ManualClock()).floors.of("lobby")
    assert floor is not None
    assert (floor.nick, floor.question) == ("eva", "why?")
    assert book.floors.name_speaker("lobby", zoe)
    assert book.floors.name_speaker("lobby", None)
    book.lower_hand("lobby", eva)
    assert not book.floors.name_speaker("lobby", None)
    assert people.hands() == []


def test_nobody_gets_the_floor_whose_hand_is_taken_down_on_the_way(
    book: HandBook, people: PeopleStore
) -> None:
    """A freeze ends while a moderator asks for the next."""
    eva = session("eva")
    up(book, eva)

    def did(_: object) -> Act:
        book.thaw("lobby")
        return Act(0.0, "mia", "next", "lobby")

    here = frozenset(person_keys(eva))
    assert book.floors.give("lobby", here, lambda _: False, did) == (None, None)
    assert book.floors.of("lobby") is None
    assert book.nicks("lobby") == []
    book.kept.tidy()
    assert people.hands() == []
