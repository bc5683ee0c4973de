"""The rules of all rooms, between those who change them and a freeze that ends by itself."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chat_server.identity.people_store import Act, PeopleStore
from chat_server.moderation.policy_book import RuleBook
from chat_server.rooms.policy import Freeze, RoomRules
from tests.support.clock import ManualClock

ACT = Act(0.0, "ada", "freeze", "lobby")


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path)) as store:
        yield store


def test_a_freeze_that_ends_while_other_rules_are_stored_is_over(people: PeopleStore) -> None:
    """Who changes them has read the freeze before, and does not bring it back."""
    clock = ManualClock()
    book = RuleBook(people, clock)
    freeze = Freeze("ada", clock.time(), clock.time() + 60, clock.monotonic() + 60)
    book.change("lobby", lambda rules: replace(rules, freeze=freeze), ACT)

    def end_and_slow(rules: RoomRules) -> RoomRules:
        clock.advance(60)
        assert book.end("lobby", freeze)
        return replace(rules, slow=5.0)

    book.change("lobby", end_and_slow, ACT)
    assert book.of("lobby") == RoomRules(slow=5.0)
    assert RuleBook(people, clock).of("lobby") == RoomRules(slow=5.0)


def test_another_freeze_holds_though_the_one_before_ends_at_that_moment(
    people: PeopleStore,
) -> None:
    """Only the one that is over is gone."""
    clock = ManualClock()
    book = RuleBook(people, clock)
    first = Freeze("ada", clock.time(), clock.time() + 60, clock.monotonic() + 60)
    second = replace(first, until=None, ends=None)
    book.change("lobby", lambda rules: replace(rules, freeze=first), ACT)

    def end_and_freeze(rules: RoomRules) -> RoomRules:
        assert book.end("lobby", first)
        return replace(rules, freeze=second)

    book.change("lobby", end_and_freeze, ACT)
    assert book.own("lobby").freeze is second
