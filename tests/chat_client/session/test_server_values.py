"""A server's numbers and texts are used only as far as they make sense."""

import time

import msgspec
import pytest
from msgspec import UNSET

from chat_client.session.server_values import count, delay, last_id, text
from protocol.messages import LARGEST_ID, Welcome


@pytest.mark.parametrize(
    ("sent", "used"), [(UNSET, 0), (-5, 0), (0, 0), (7, 7), (10**30, LARGEST_ID)]
)
def test_a_count_is_one_that_can_be_sent_back(sent: int, used: int) -> None:
    assert count(sent) == used


@pytest.mark.parametrize(
    ("sent", "used"),
    [(UNSET, None), (-1.0, 0.1), (0.0, 0.1), (2.5, 2.5), (1e300, 3600.0), (float("inf"), 3600.0)],
)
def test_a_delay_is_neither_none_nor_for_ever(sent: float, used: float | None) -> None:
    """A client that tried at once would keep the server busy; one that waits for ever is stuck."""
    assert delay(sent) == used


def test_a_text_may_be_left_out() -> None:
    assert (text("tea"), text(UNSET)) == ("tea", None)


def test_ids_go_on_above_those_of_the_session() -> None:
    """An older server does not say them: then the clock is ahead of any counter."""
    welcome = {"version": 1, "server": "s", "nick": "ana", "session": "x", "limits": {}, "motd": ""}
    assert last_id(msgspec.convert({**welcome, "last_id": 41}, Welcome)) == 41
    before = int(time.time() * 1000)
    assert last_id(msgspec.convert(welcome, Welcome)) >= before
