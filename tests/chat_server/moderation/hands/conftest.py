"""A book of hands, and the store that keeps them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.moderation.hands.hand_book import HandBook
from tests.support.clock import ManualClock


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path)) as store:
        yield store


@pytest.fixture
def book(people: PeopleStore) -> HandBook:
    return HandBook(people, ManualClock())
