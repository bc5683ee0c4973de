"""The rules of all rooms, between those who change them and a freeze that ends by itself."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from chat_server.moderation.in_force.policy_book import PolicyBook
from chat_server.rooms.policy import Freeze, PersonKey, RoomPolicy
from tests.support.clock import ManualClock

ACT = Act(0.0, "ada", "freeze", "lobby")


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path)) as store:
        yield store


def _nobody(_room: str) -> frozenset[PersonKey]:
    """Who has the floor."""
    return frozenset()


def test_a_freeze_that_ends_while_other_rules_are_stored_is_over(people: PeopleStore) -> None:
    """The change of rules began before the end of the freeze, and does not bring it back."""
    clock = ManualClock()
    book = PolicyBook(people, clock, _nobody)
    freeze = Freeze("ada", clock.time(), clock.time() + 60, clock.monotonic() + 60)
    book.change("lobby", lambda policy: replace(policy, freeze=freeze), ACT)

    def end_and_slow(policy: RoomPolicy) -> RoomPolicy:
        clock.advance(60)
        assert book.end("lobby", freeze)
        return replace(policy, slow=5.0)

    book.change("lobby", end_and_slow, ACT)
    assert book.of("lobby") == RoomPolicy(slow=5.0)
    assert PolicyBook(people, clock, _nobody).of("lobby") == RoomPolicy(slow=5.0)


def test_another_freeze_holds_though_the_one_before_ends_at_that_moment(
    people: PeopleStore,
) -> None:
    """Only the one that is over is gone."""
    clock = ManualClock()
    book = PolicyBook(people, clock, _nobody)
    first = Freeze("ada", clock.time(), clock.time() + 60, clock.monotonic() + 60)
    second = replace(first, until=None, ends=None)
    book.change("lobby", lambda policy: replace(policy, freeze=first), ACT)

    def end_and_freeze(policy: RoomPolicy) -> RoomPolicy:
        assert book.end("lobby", first)
        return replace(policy, freeze=second)

    book.change("lobby", end_and_freeze, ACT)
    assert book.own("lobby").freeze is second


def test_who_has_the_floor_may_speak_in_a_freeze(people: PeopleStore) -> None:
    """Only then is it a rule."""
    clock = ManualClock()
    book = PolicyBook(people, clock, lambda room: frozenset([f"in {room}"]))
    assert book.of("lobby") is None
    freeze = Freeze("ada", clock.time(), None, None)
    book.change("lobby", lambda policy: replace(policy, freeze=freeze), ACT)
    assert book.of("lobby") == RoomPolicy(freeze=freeze, floor=frozenset(["in lobby"]))
