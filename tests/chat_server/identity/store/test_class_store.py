"""What is kept of class lists."""

from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.roles import Role
from chat_server.identity.store.class_store import ClassStore
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Account, Act, Pupil
from chat_server.runtime.errors import StoreError

ACT = Act(1.0, "the operator", "class-add", "10b")


def account(nick: str) -> Account:
    """One that is not kept yet."""
    return Account(0, nick, nick, "hash", Role.MEMBER)


def test_people_and_accounts_are_kept_together(tmp_path: Path) -> None:
    """Or none is: the second has the key of the first."""
    with closing(PeopleStore(tmp_path)) as people:
        store = ClassStore(people.commits)
        pupils = [Pupil(0, "10b", "Ana", "ana", 0), Pupil(0, "10b", "Ben", "ben", 0)]
        with pytest.raises(StoreError):
            store.add(pupils, [account("ana"), account("ana")], ACT)
        assert (store.pupils(), people.accounts(), people.acts()) == ([], [], [])
        numbers = store.add(pupils, [account("ana"), account("ben")], ACT)
        assert [each.account for each in store.pupils()] == numbers
        assert [each.name for each in people.accounts()] == ["ana", "ben"]
        people.remove_account(numbers[0], ACT)
        assert [each.account for each in store.pupils()] == [0, numbers[1]]
        store.remove([store.pupils()[0].number], ACT)
        assert [each.nick for each in store.pupils()] == ["ben"]
