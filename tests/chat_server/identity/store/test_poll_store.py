"""What is kept of polls."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.poll_store import PollStore
from chat_server.identity.store.records import Act, Asked, KeptPoll, KeptVote

POLL = KeptPoll(0, "lobby", "@1", b"t", "ana", 5.0, "Is it?", ("yes", "no"), named=True)
ASKED = Asked(b"t", 7)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path)) as store:
        yield store


def test_a_poll_with_its_votes(people: PeopleStore) -> None:
    """Each person has one."""
    store = PollStore(people)
    number = store.add(POLL, ASKED, None)
    assert store.polls() == [POLL._replace(number=number)]
    assert people.was_done(ASKED)
    assert people.acts() == []
    first = KeptVote(number, "@2", b"b", "ben", 1)
    second = KeptVote(number, "@2", b"c", "ben", 2)
    assert store.vote([first], []) == [True]
    assert store.vote([second], [first]) == [True]
    other = KeptVote(number, "@3", b"d", "eva", 1)
    closed = KeptVote(number + 1, "@3", b"d", "eva", 1)
    assert store.vote([second._replace(choice=1), closed, other], [second]) == [True, False, True]
    assert store.votes() == [KeptVote(number, "@2", b"c", "ben", 1), other]


def test_the_end_keeps_the_result_and_forgets_who_voted(people: PeopleStore) -> None:
    """Together with the line in the audit log, and with the request."""
    store = PollStore(people)
    number = store.add(POLL, ASKED, None)
    store.vote([KeptVote(number, "@2", b"b", "ben", 1)], [])
    ended = POLL._replace(number=number, result="{}", session=3, request=8, ended=9.0)
    store.end(ended, Asked(b"t", 8), Act(9.0, "ana", "end_poll", "lobby"))
    assert store.polls() == [ended]
    assert store.votes() == []
    assert people.was_done(Asked(b"t", 8))
    assert [act.act for _, act in people.acts()] == ["end_poll"]
    other = store.add(POLL, Asked(b"t", 9), None)
    assert store.polls() == [POLL._replace(number=other)]


def test_a_room_that_is_removed(people: PeopleStore) -> None:
    store = PollStore(people)
    number = store.add(POLL, ASKED, None)
    garden = store.add(POLL._replace(room="garden"), Asked(b"t", 8), None)
    store.vote([KeptVote(number, "@2", b"b", "ben", 1)], [])
    store.vote([KeptVote(garden, "@2", b"b", "ben", 1)], [])
    store.forget("lobby")
    assert [poll.room for poll in store.polls()] == ["garden"]
    assert [vote.poll for vote in store.votes()] == [garden]
