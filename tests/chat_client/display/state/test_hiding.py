"""Whom the user hides, also under new nicks."""

from collections.abc import Iterable

import pytest

from chat_client.display.state import hiding as hiding_module
from chat_client.display.state.hiding import Hiding


class Kept:
    """Hiding in two rooms, and what is kept of it."""

    def __init__(self, *ignored: str) -> None:
        self.last: set[str] | None = None
        self.hiding = Hiding(ignored, self._keep)
        for room in ("lobby", "ops"):
            self.hiding.enter(room)

    def _keep(self, nicks: Iterable[str]) -> None:
        self.last = set(nicks)


def test_who_is_hidden_stays_so_in_any_spelling() -> None:
    """And is kept for the next run."""
    kept = Kept()
    kept.hiding.ignore("Bob")
    assert kept.hiding.hides("BOB")
    assert kept.last == {"bob"}
    kept.hiding.show("bOb")
    assert not kept.hiding.hides("bob")
    assert kept.last == set()


def test_whoever_is_focused_hides_all_others() -> None:
    """Of those, who is hidden is hidden still."""
    kept = Kept("eve")
    kept.hiding.focused |= {"bob", "eve"}
    assert [kept.hiding.hides(nick) for nick in ("bob", "eve", "zoe")] == [False, True, True]


def test_a_new_nick_is_hidden_and_who_takes_the_old_one_is_shown() -> None:
    """Each room announces it at its own time; a later room changes nothing back."""
    kept = Kept("bob")
    for room in ("lobby", "ops"):
        kept.hiding.follow(room, [("bob", "rob")])
        assert kept.hiding.hides("rob")
    kept.hiding.follow("lobby", [("zoe", "bob")])
    assert not kept.hiding.hides("bob")
    assert kept.hiding.hides("rob")
    assert kept.last == {"rob"}


def test_two_who_change_nicks_with_each_other() -> None:
    """One event tells of both."""
    kept = Kept("bob")
    kept.hiding.follow("lobby", [("bob", "eve"), ("eve", "bob")])
    assert [kept.hiding.hides(nick) for nick in ("eve", "bob")] == [True, False]


def test_who_is_focused_is_followed() -> None:
    kept = Kept()
    kept.hiding.focused.add("bob")
    kept.hiding.follow("lobby", [("bob", "Rob")])
    assert not kept.hiding.hides("rob")


def test_a_server_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may rename somebody without end."""
    monkeypatch.setattr(hiding_module, "_LIMIT", 10)
    kept = Kept("n0")
    for number in range(100):
        kept.hiding.follow("lobby", [(f"n{number}", f"n{number + 1}")])
    assert len(kept.hiding.ignored) == 10
