"""Direct messages that are sent while one is away: what is typed, asked and shown."""

import pytest

from chat_client.errors import CommandError
from protocol.messages import Direct
from tests.chat_client.desk import desk


def test_late() -> None:
    """Without a word it asks; with one it changes that."""
    with desk(("ok", {"late": True}), ("ok", {"late": False}), ("ok", {"late": True})) as (
        user,
        asked,
    ):
        assert user.enter("/late")[0].startswith("direct messages are kept for you")
        assert user.enter("/late off")[0].startswith("no direct messages are kept for you")
        assert user.enter("/late on")[0].startswith("direct messages are kept for you")
        assert asked == [
            {"type": "late"},
            {"type": "late", "on": False},
            {"type": "late", "on": True},
        ]


def test_another_word() -> None:
    """It is refused before the server is asked."""
    with desk(None) as (user, asked):
        with pytest.raises(CommandError, match=r"type /late \[on\|off\]"):
            user.enter("/late maybe")
        assert asked == []


def test_what_is_kept_for_somebody_is_told() -> None:
    """Behind the line that was sent."""
    with desk(("ok", {"kept": True})) as (user, asked):
        said = user.enter("/msg ben psst")
        assert said[-1] == "ben is away, and gets that when they are back"
        assert asked == [{"type": "tell", "to": "ben", "text": "psst"}]


def test_a_late_message_says_when_it_was_sent() -> None:
    """It stands among newer lines."""
    with desk(None) as (user, _):
        (line,) = user.view.take(Direct(0.0, "ben", "ana", "hi", late=3))
        assert line.startswith("[from ben, sent ")
        assert line.endswith(", while you were away] hi")
