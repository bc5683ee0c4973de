"""Calls as bytes and back: of the right types, whatever they are."""

from collections.abc import Sequence
from typing import Any

import pytest

from chat_server.identity.roles import Role
from chat_server.identity.store.records import Act, Asked, Sanction, StoredPolicy
from chat_server.identity.store.shared_calls import encode_call, make_call, shared
from chat_server.runtime.errors import StoreError

BAN = Sanction(3, "ban", "eva", None, 7, b"\x00\xff", "10.0.0.0/8", 1e9 + 0.1, "", "ada", 0.1)
POLICY = StoredPolicy("lobby", 2.5, speakers=("a",), guests=(("@1", "ada"),))
ACT = Act(0.3, "ada", "ban", "eva", None, "", Asked(b"\x80", 9))


class Writer:
    """Notes what is to be called on all servers, and calls it here."""

    def __init__(self, notes: "Notes") -> None:
        self.sent: list[bytes] = []
        self._notes = notes

    def write(self, name: str, arguments: Sequence[Any]) -> Any:
        self.sent.append(encode_call(name, arguments))
        return make_call(self.sent[-1], {"Notes": self._notes}).result


class Notes:
    """Has marked methods."""

    def __init__(self) -> None:
        self.replica: Writer | None = None
        self.kept: list[tuple[object, ...]] = []

    @shared
    def keep(
        self,
        sanction: Sanction,
        policy: StoredPolicy,
        role: Role,
        numbers: Sequence[int],
        act: Act | None = None,
    ) -> int:
        """Keep something of every type."""
        self.kept.append((sanction, policy, role, numbers, act))
        return len(self.kept)


def test_a_marked_method_is_called_as_ever_where_there_is_one_server() -> None:
    """With what it was called with."""
    notes, numbers = Notes(), (1, 2)
    assert notes.keep(BAN, POLICY, role=Role.OWNER, numbers=numbers) == 1
    assert notes.kept[0][3] is numbers


def test_what_is_called_on_all_is_the_same_on_all() -> None:
    """Each value of its type, also where a default is meant."""
    notes, other = Notes(), Notes()
    notes.replica = Writer(notes)
    assert notes.keep(BAN, POLICY, Role.OWNER, [1, 2], ACT) == 1
    assert notes.keep(BAN, policy=POLICY, numbers=[], role=Role.MEMBER) == 2
    for data in notes.replica.sent:
        assert make_call(data, {"Notes": other}).name == "Notes.keep"
    assert other.kept == notes.kept
    assert notes.kept == [
        (BAN, POLICY, Role.OWNER, [1, 2], ACT),
        (BAN, POLICY, Role.MEMBER, [], None),
    ]
    assert isinstance(other.kept[0][2], Role)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("Notes.forget", []), ("Notes.keep", [1]), ("Notes.keep", [1, 2, 3, 4, 5])],
)
def test_what_another_version_wrote_is_refused(name: str, arguments: list[object]) -> None:
    """Nothing is done then."""
    notes = Notes()
    with pytest.raises(StoreError, match=f"another version wrote '{name}'"):
        make_call(encode_call(name, arguments), {"Notes": notes})
    assert notes.kept == []
