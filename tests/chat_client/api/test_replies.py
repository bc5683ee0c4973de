"""Replies that lack what belongs there, and lists without an end."""

import pytest

import chat_client
from chat_client.api import replies
from tests.chat_client.foreign import Line, foreign_server


def test_a_list_that_goes_round_is_left_at_that() -> None:
    """A server may say `more` for ever."""

    def script(line: Line) -> None:
        line.welcome()
        for _ in range(2):
            request = line.expect("rooms")
            rooms = [{"room": name, "members": 1, "topic": ""} for name in ("a", "b")]
            line.send("page", re=request["id"], more=True, rooms=rooms)
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        assert [entry.room for entry in chat.rooms()] == ["a", "b", "a", "b"]


def test_a_list_without_an_end_is_left_at_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that ascends."""
    monkeypatch.setattr(replies, "LONGEST_LIST", 6)

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        for number in range(3):
            request = line.expect("who")
            line.send("page", re=request["id"], more=True, members=[f"a{number}", f"b{number}"])
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        assert len(chat.join("lobby").who()) == 6
