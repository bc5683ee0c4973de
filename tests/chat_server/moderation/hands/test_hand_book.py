"""Raised hands, without a room: a queue that is kept."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.participant import Participant
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from chat_server.moderation.hands import hand_book
from chat_server.moderation.hands.hand_book import HandBook, Raised
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import PersonKey, person_keys
from protocol.errors import ProtocolError
from tests.support.clock import ManualClock
from tests.support.waiting import eventually


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path)) as store:
        yield store


@pytest.fixture
def book(people: PeopleStore) -> HandBook:
    return HandBook(people, ManualClock())


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


def test_hands_are_a_queue_in_which_each_stands_once(book: HandBook) -> None:
    eva, zoe = session("eva"), session("zoe")
    assert up(book, eva) == 1
    assert up(book, zoe) == 2
    assert up(book, eva) is None
    assert book.nicks("lobby") == ["eva", "zoe"]
    assert book.lower_hand("lobby", eva) == 1
    assert book.lower_hand("lobby", eva) is None
    assert book.nicks("lobby") == ["zoe"]


def test_one_account_is_one_person(book: HandBook) -> None:
    here, there = session("eva", 7), session("eva2", 7)
    assert up(book, here) == 1
    assert up(book, there) is None
    assert book.raised_by("lobby", there) == []
    assert book.lower_hand("lobby", there) == 0


def test_a_hand_is_known_again_where_it_is(book: HandBook) -> None:
    """A hand belongs to the session that raised it, also among sessions of one account."""
    eva, there, zoe = session("eva", 7), session("eva2", 7), session("zoe")
    for each in (eva, zoe):
        up(book, each)
    eva.account = None
    book.rename_person(eva, "@7")
    assert book.lower_hand("lobby", there) is None
    assert up(book, there) == 3
    book.rename_person(eva, "@7")
    assert book.nicks("lobby") == ["eva", "zoe", "eva2"]
    eva.account = 7
    book.rename_person(eva, eva.token.hex())
    assert book.lower_hand("lobby", eva) == 2
    assert book.nicks("lobby") == ["zoe", "eva2"]


def test_who_logs_in_with_a_hand_up_has_one_hand(book: HandBook) -> None:
    eva = session("eva")
    up(book, eva)
    eva.account = 7
    assert up(book, eva) is None
    assert book.lower_hand("lobby", eva) == 0


def test_a_hand_shows_the_nick_of_the_moment(book: HandBook) -> None:
    eva = session("eva")
    up(book, eva)
    eva.take_nick("evi")
    assert book.nicks("lobby") == ["evi"]


def test_there_are_not_more_hands_than_may_be(
    book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_book, "HANDS_LIMIT", 2)
    here = session("a"), session("b")
    for each in here:
        up(book, each)
    with pytest.raises(ProtocolError, match="2 hands"):
        up(book, session("c"), *here)


@pytest.mark.long
def test_hands_from_many_threads_at_once(book: HandBook) -> None:
    people = [session(f"n{number}") for number in range(40)]

    def wave(who: Session) -> None:
        for _ in range(50):
            up(book, who)
            book.lower_hand("lobby", who)
        up(book, who)

    threads = [threading.Thread(target=wave, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(book.nicks("lobby")) == sorted(who.nick for who in people)


def test_a_full_queue_drops_who_is_not_in_the_room(
    book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest-waiting of them goes, so that people who come and go keep nobody out."""
    monkeypatch.setattr(hand_book, "HANDS_LIMIT", 3)
    here, gone, late = session("here"), session("gone"), session("late")
    for each in (here, gone, late):
        up(book, each)
    names = person_keys(here)
    raised = book.raise_hand("lobby", session("new"), "", lambda: names)
    assert (raised.place, raised.lost and raised.lost.nick) == (3, "gone")
    assert book.nicks("lobby") == ["here", "late", "new"]


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


def test_what_was_taken_down_is_forgotten_with_the_next_tidy(
    people: PeopleStore, book: HandBook
) -> None:
    """A freeze that ends by itself writes nothing."""
    up(book, session("eva"))
    book.clear("lobby")
    assert book.nicks("lobby") == []
    assert len(people.hands()) == 1
    book.tidy()
    assert people.hands() == []


def test_a_page_goes_on_behind_a_nick(book: HandBook) -> None:
    """A page cannot go on behind somebody who has left the queue."""
    for nick in ("eva", "zoe", "max"):
        up(book, session(nick))
    assert [hand.nick for hand in book.queue_after("lobby", "EVA")] == ["zoe", "max"]
    assert book.queue_after("lobby", "max") == []
    with pytest.raises(ProtocolError, match="no hand up"):
        book.queue_after("lobby", "ian")


def ask(book: HandBook, who: Participant, question: str) -> Raised:
    """Somebody raises a hand with a question."""
    return book.raise_hand("lobby", who, question, frozenset)


def give(book: HandBook, *here: Participant, muted: str = "") -> tuple[str | None, str | None]:
    """The first of `here` gets the floor. Return who had it, and who has it."""
    names = frozenset[PersonKey]().union(*map(person_keys, here))
    moved = book.give_floor(
        "lobby", names, lambda hand: hand.nick == muted, lambda _: Act(0.0, "mia", "next", "lobby")
    )
    had, has = (None if hand is None else hand.nick for hand in moved)
    return had, has


def test_a_hand_that_is_up_may_ask_something_else(book: HandBook) -> None:
    """It keeps its place and its age; to raise it once more without a question changes nothing."""
    eva, zoe = session("eva"), session("zoe")
    assert ask(book, eva, "what is a socket?").news
    ask(book, zoe, "")
    assert ask(book, eva, "why?") == Raised(1, 2, True)
    assert ask(book, eva, "") == Raised(1, 2, False)
    assert [(hand.nick, hand.question) for hand in book.queue("lobby")] == [
        ("eva", "why?"),
        ("zoe", ""),
    ]


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
    floor = again.floor("lobby")
    assert floor is not None
    assert (floor.nick, floor.question) == ("eva", "who are you?")
    assert [hand.question for hand in again.queue("lobby")] == ["what is a port?"]
    assert again.yield_floor("lobby", session("eva"))
    assert HandBook(people, ManualClock()).floor("lobby") is None


def test_nobody_reads_what_somebody_asks_who_is_muted_by_then(
    people: PeopleStore, book: HandBook
) -> None:
    eva = session("eva")
    ask(book, eva, "rude?")
    assert give(book, eva, muted="eva") == (None, "eva")
    for each in (book, HandBook(people, ManualClock())):
        floor = each.floor("lobby")
        assert floor is not None
        assert floor.question == ""


def test_hands_that_ask_nothing_go_down_with_a_freeze(people: PeopleStore, book: HandBook) -> None:
    """A question is still one, when everybody may speak."""
    eva, zoe, max_ = session("eva"), session("zoe"), session("max")
    up(book, max_)
    give(book, max_)
    up(book, eva)
    ask(book, zoe, "why?")
    assert [hand.nick for hand in book.thaw("lobby")] == ["eva"]
    assert book.nicks("lobby") == ["zoe"]
    assert book.floor("lobby") is None
    book.tidy()
    assert [hand.nick for hand in people.hands()] == ["zoe"]


def test_only_what_was_raised_before_the_end_of_a_freeze_goes_down(people: PeopleStore) -> None:
    clock = ManualClock()
    book = HandBook(people, clock)
    up(book, session("eva"))
    end = clock.time()
    clock.advance(1)
    up(book, session("zoe"))
    assert [hand.nick for hand in book.thaw("lobby", end)] == ["eva"]
    assert book.nicks("lobby") == ["zoe"]


def test_rules_may_name_who_has_the_floor(people: PeopleStore, book: HandBook) -> None:
    """With the question that they asked."""
    eva, zoe = session("eva"), session("zoe")
    ask(book, eva, "why?")
    assert book.name_speaker("lobby", eva)
    assert not book.name_speaker("lobby", eva)
    floor = HandBook(people, ManualClock()).floor("lobby")
    assert floor is not None
    assert (floor.nick, floor.question) == ("eva", "why?")
    assert book.name_speaker("lobby", zoe)
    assert book.name_speaker("lobby", None)
    book.lower_hand("lobby", eva)
    assert not book.name_speaker("lobby", None)
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
    assert book.give_floor("lobby", here, lambda _: False, did) == (None, None)
    assert book.floor("lobby") is None
    assert book.nicks("lobby") == []
    book.tidy()
    assert people.hands() == []


def test_hands_of_one_moment_in_many_rooms_share_a_commit(
    people: PeopleStore, book: HandBook
) -> None:
    """Nobody waits for the hands of another room; those that go down wait for nobody's."""
    commits = people.commits
    up(book, session("zoe"))
    before = commits.commits

    def raise_hand(number: int) -> None:
        book.raise_hand(f"room-{number}", session("eva"), "", frozenset[PersonKey])

    threads = [threading.Thread(target=raise_hand, args=(number,)) for number in range(20)]
    threads.append(threading.Thread(target=book.lower_hand, args=("lobby", session("zoe"))))
    with commits.writing():
        for thread in threads:
            thread.start()
        eventually(lambda: commits._waiting == len(threads))
    for thread in threads:
        thread.join()
    assert commits.commits == before + 1
    assert len(people.hands()) == 20


def test_hands_of_one_moment_in_one_room_share_a_commit(
    people: PeopleStore, book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that raises its hands waits for the disk once; and no more are up than may be."""
    monkeypatch.setattr(hand_book, "HANDS_LIMIT", 20)
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


def test_hands_that_lose_their_places_at_one_moment_are_others(
    people: PeopleStore, book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who come into a full queue take the places of two who are gone."""
    monkeypatch.setattr(hand_book, "HANDS_LIMIT", 3)
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


def test_there_are_not_more_hands_in_all_rooms_than_may_be(
    people: PeopleStore, book: HandBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room with the most has to give one up, so nobody keeps others from raising theirs."""
    monkeypatch.setattr(hand_book, "ALL_HANDS_LIMIT", 4)
    for number in range(4):
        book.raise_hand("crowd", session(f"n{number}"), "", frozenset)
    assert up(book, session("eva")) == 1
    assert book.nicks("crowd") == ["n0", "n1", "n2"]
    assert up(book, session("zoe")) == 2
    with pytest.raises(ProtocolError, match="4 hands are up in all rooms"):
        up(book, session("max"))
    assert len(people.hands()) == 4
