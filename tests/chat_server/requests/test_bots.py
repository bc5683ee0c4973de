"""What a bot says is marked, live and in the log, so that no bot answers another."""

from pathlib import Path

import pytest

from protocol.messages import names_bot
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.servers import running_server


@pytest.mark.parametrize("client", ["bot", "bot/1", "bot chat-client/1", "Bot-of-ana 2"])
def test_a_bot_says_so_first(client: str) -> None:
    """`client` begins with the word."""
    assert names_bot(client)


@pytest.mark.parametrize("client", [None, "", "chat/1", "bottle/1", "bot2", "a bot", "robot"])
def test_anything_else_is_no_bot(client: str | None) -> None:
    """A word that merely begins alike, or a bot further on, is none."""
    assert not names_bot(client)


def test_what_a_bot_says_is_marked(tmp_path: Path) -> None:
    """Live, in pages, after catching up, and after a restart; what a person says is not."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        echo = house.enter("echo", "lobby", client="bot echo/1")
        ada.say("lobby", "hi")
        echo.say("lobby", "hi yourself")
        echo.say("lobby", "waves", kind="action")
        echo.ok("topic", room="lobby", topic="echoes")
        live = ada.messages(4)
    assert [message.get("bot") for message in live] == [None, True, True, True]
    assert [message["kind"] for message in live] == ["text", "text", "action", "topic"]
    with running_server(tmp_path) as server, House(server) as house:
        eva = house.enter("eva")
        assert eva.join("lobby", after=0)["topic"] == "echoes"
        assert eva.messages(4) == live
        assert eva.page("history", room="lobby")["messages"] == live
        found = eva.page("search", room="lobby", query="hi")["messages"]
        assert found == live[:2]


def test_a_direct_message_of_a_bot_is_marked(house: House) -> None:
    """Two bots that answer what they are told would never stop, either."""
    ada, echo = house.enter("ada"), house.enter("echo", client="bot")
    echo.ok("tell", to="ada", text="hi")
    assert ada.expect("direct")["bot"] is True
    ada.ok("tell", to="echo", text="hi")
    assert "bot" not in echo.expect("direct")


def test_a_notice_of_a_bot_is_marked(place: OrderedHouse) -> None:
    """A bot may be a moderator."""
    eva = place.enter("eva", "lobby")
    guard = place.enter("guard", client="bot guard/1")
    place.ada.ok("op", who="guard")
    guard.ok("announce", text="read this", room="lobby")
    place.mia.ok("announce", text="and this", room="lobby")
    assert [message.get("bot") for message in eva.messages(2)] == [True, None]
