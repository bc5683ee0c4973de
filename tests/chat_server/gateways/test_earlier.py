"""Which message is meant."""

from typing import Any

import pytest

from chat_server.gateways.earlier import latest_of, number
from protocol.messages import Message


@pytest.mark.parametrize(
    ("word", "seq"),
    [
        ("12", 12),
        ("#lobby/12", 12),
        ("0", None),
        ("", None),
        ("ben", None),
        ("12a", None),
        ("-1", None),
        ("\u0661\u0662", None),
        ("lobby/12", None),
        ("9" * 5000, 999_999_999_999_999),
    ],
)
def test_a_number(word: str, seq: int | None) -> None:
    """With or without its room."""
    assert number(word) == seq


def test_the_latest_of_somebody() -> None:
    """That they said, and that is there; not what was done to the room, or to another message."""
    entries: list[tuple[str, str, dict[str, Any]]] = [
        ("Ben", "text", {}),
        ("ben", "file", {}),
        ("ben", "text", {"deleted": True}),
        ("ana", "text", {}),
        ("ben", "topic", {}),
        ("ben", "notice", {}),
        ("ben", "edit", {"changes": 1}),
        ("ben", "delete", {"changes": 1}),
    ]
    said = [
        Message("lobby", seq, 0.0, nick, kind, "x", **more)
        for seq, (nick, kind, more) in enumerate(entries, 1)
    ]
    assert latest_of(said, "BEN") == 2
    assert latest_of(said, "ana") == 4
    assert latest_of(said, "eva") is None
