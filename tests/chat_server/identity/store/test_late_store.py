"""What is kept of direct messages for those who are away."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.store.late_store import LateStore
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import KeptDirect

KEPT = KeptDirect(0, "@1", "aa", "ada", "psst", True, 10.0, 20.0)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    """An empty store of people."""
    with closing(PeopleStore(tmp_path)) as people:
        yield people


def test_what_is_kept_is_found_as_it_was(people: PeopleStore) -> None:
    """By its number; the list of all is without texts."""
    store = LateStore(people.commits)
    one, two = store.add(KEPT), store.add(KEPT._replace(text="again", bot=False))
    assert store.find([two, one, 99]) == [
        KEPT._replace(number=two, text="again", bot=False),
        KEPT._replace(number=one),
    ]
    assert [each.text for each in store.all()] == ["", ""]


def test_a_number_is_never_used_again(people: PeopleStore) -> None:
    """A client knows by it what it has seen."""
    store = LateStore(people.commits)
    first = store.add(KEPT)
    store.remove([first])
    assert store.add(KEPT) > first
    assert len(store.all()) == 1


def test_who_wants_none(people: PeopleStore) -> None:
    """Of sessions it is forgotten with them, of accounts it is not."""
    store = LateStore(people.commits)
    for who in ("@1", "aa", "bb"):
        store.refuse(who, 10.0)
    store.accept("bb")
    assert sorted(store.refusing()) == ["@1", "aa"]
    store.forget_refusals(11.0)
    assert store.refusing() == ["@1"]
