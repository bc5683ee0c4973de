"""Messages to one person."""

import pytest

from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.servers import address_of, running_server


def test_a_direct_message_reaches_that_person_alone() -> None:
    """`direct` with time, from, to and text; nobody else gets it, and it is not stored."""
    clock = ManualClock(1_800_000_123.5)
    with running_server(clock=clock) as server, House(address_of(server)) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        zoe = house.enter("zoe", "lobby")
        ada.ok("tell", to="eva", text="psst")
        direct = eva.expect("direct")
        assert direct == {
            "type": "direct", "time": 1_800_000_123.5, "from": "ada", "to": "eva", "text": "psst",
        }  # fmt: skip
        ada.say("lobby", "done")
        zoe.messages(1)
        assert not [frame for frame in zoe.queue if frame["type"] == "direct"]
        assert len(zoe.page("history", room="lobby")["messages"]) == 1


@pytest.mark.parametrize("name", ["EVA", "\uff45va", " eva "])
def test_the_nick_is_compared_as_nicks_are(house: House, name: str) -> None:
    """Case, width and spaces around it make no difference."""
    ada, eva = house.enter("ada"), house.enter("eva")
    ada.ok("tell", to=name, text="psst")
    direct = eva.expect("direct")
    assert (direct["to"], direct["text"]) == ("eva", "psst")


def test_nobody_of_that_name(house: House) -> None:
    """`no_such_nick`, whether they were never there or have gone."""
    ada, eva = house.enter("ada"), house.enter("eva")
    ada.refused("no_such_nick", "tell", to="zoe", text="hi")
    eva.ok("bye")
    eva.expect_end("bye")
    ada.refused("no_such_nick", "tell", to="eva", text="hi")


def test_one_can_tell_oneself(house: House) -> None:
    """The server does not ask why."""
    ada = house.enter("ada")
    ada.ok("tell", to="ada", text="buy milk")
    assert ada.expect("direct")["text"] == "buy milk"


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "bad_text"), (" \n", "bad_text"), ("\x07", "bad_text"), ("x" * 4001, "text_too_long")],
)
def test_a_direct_message_is_a_text(house: House, text: str, code: str) -> None:
    """The same rules as in a room."""
    ada = house.enter("ada")
    ada.refused(code, "tell", to="ada", text=text)


def test_a_direct_message_is_composed(house: House) -> None:
    """NFC."""
    ada = house.enter("ada")
    ada.ok("tell", to="ada", text="e\u0301")
    assert ada.expect("direct")["text"] == "é"


def test_direct_messages_stay_in_order(house: House) -> None:
    """What one person says to another arrives in the order in which it was said."""
    ada, eva = house.enter("ada"), house.enter("eva")
    sent = [f"psst {number}" for number in range(50)]
    ids = [ada.post("tell", to="eva", text=text) for text in sent]
    assert [ada.reply(identity)["type"] for identity in ids] == ["ok"] * 50
    assert [eva.expect("direct")["text"] for _ in sent] == sent
