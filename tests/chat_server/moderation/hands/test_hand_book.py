"""Raised hands, without a room: a queue that is kept."""

import threading

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.moderation.hands.hand import Raised
from chat_server.moderation.hands.hand_book import HandBook
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import PersonKey
from protocol.errors import ProtocolError
from tests.chat_server.moderation.hands.people_with_hands import ask, give, session, up
from tests.support.clock import ManualClock
from tests.support.waiting import eventually


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


def test_a_page_goes_on_behind_a_nick(book: HandBook) -> None:
    """A page cannot go on behind somebody who has left the queue."""
    for nick in ("eva", "zoe", "max"):
        up(book, session(nick))
    assert [hand.nick for hand in book.queue_after("lobby", "EVA")] == ["zoe", "max"]
    assert book.queue_after("lobby", "max") == []
    with pytest.raises(ProtocolError, match="no hand up"):
        book.queue_after("lobby", "ian")


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


def test_hands_that_ask_nothing_go_down_with_a_freeze(people: PeopleStore, book: HandBook) -> None:
    """A question is still one, when everybody may speak."""
    eva, zoe, max_ = session("eva"), session("zoe"), session("max")
    up(book, max_)
    give(book, max_)
    up(book, eva)
    ask(book, zoe, "why?")
    assert [hand.nick for hand in book.thaw("lobby")] == ["eva"]
    assert book.nicks("lobby") == ["zoe"]
    assert book.floors.of("lobby") is None
    book.kept.tidy()
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
