"""The owner's secret on the disk: a hash, and a private file that fits it."""

import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity import owner_secret
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from chat_server.runtime.errors import StoreError

ACT = Act(0.0, "the operator", "owner-secret")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path)) as store:
        yield store


def test_it_is_found_until_there_is_another(store: PeopleStore, tmp_path: Path) -> None:
    """By whoever may read the file alone."""
    assert owner_secret.find(store, tmp_path) is None
    first = owner_secret.make(store, tmp_path)
    assert first
    assert owner_secret.find(store, tmp_path) == first
    assert stat.S_IMODE((tmp_path / owner_secret.FILE).stat().st_mode) == 0o600
    second = owner_secret.replace(store, tmp_path, ACT)
    assert owner_secret.find(store, tmp_path) == second
    assert not owner_secret.is_right(store, first)
    assert owner_secret.make(store, tmp_path) is None


def test_a_file_that_does_not_fit_does_not_count(store: PeopleStore, tmp_path: Path) -> None:
    """As where a server died between the file and the hash: the secret of before counts still."""
    secret = owner_secret.make(store, tmp_path)
    assert secret
    (tmp_path / owner_secret.FILE).write_text("aaaa-bbbb-cccc-dddd-eeee\n")
    assert owner_secret.find(store, tmp_path) is None
    assert owner_secret.is_right(store, secret)


def test_a_file_that_cannot_be_written_changes_nothing(store: PeopleStore, tmp_path: Path) -> None:
    """It is told which; the secret of before counts still."""
    secret = owner_secret.make(store, tmp_path)
    assert secret
    path = tmp_path / owner_secret.FILE
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match=owner_secret.FILE):
        owner_secret.replace(store, tmp_path, ACT)
    with pytest.raises(StoreError, match=owner_secret.FILE):
        owner_secret.find(store, tmp_path)
    assert owner_secret.is_right(store, secret)
    assert store.acts() == []
