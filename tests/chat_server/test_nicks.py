"""Taking another nick, and who is the same person."""

import pytest

from tests.chat_server.house import House
from tests.support.waiting import eventually


def test_a_nick_can_be_changed(house: House) -> None:
    """`ok` with the nick; from then on one speaks under it."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    assert ada.ok("nick", nick="lovelace")["nick"] == "lovelace"
    ada.say("lobby", "hi")
    assert eva.messages(1)[0]["from"] == "lovelace"


def test_the_new_nick_comes_back_normalised(house: House) -> None:
    """As in `welcome`."""
    assert house.enter("ada").ok("nick", nick="e\u0301va\uff21")["nick"] == "évaA"


def test_a_bad_nick_changes_nothing(house: House) -> None:
    """bad_nick is not fatal."""
    ada = house.enter("ada", "lobby")
    ada.refused("bad_nick", "nick", nick="a b")
    assert ada.page("who", room="lobby")["members"] == ["ada"]


@pytest.mark.parametrize("taken", ["eva", "EVA", "\uff45\uff56\uff41"])
def test_a_nick_in_use_changes_nothing(house: House, taken: str) -> None:
    """Nor does one that only compares equal."""
    house.enter("eva")
    ada = house.enter("ada", "lobby")
    ada.refused("nick_in_use", "nick", nick=taken)
    assert ada.page("who", room="lobby")["members"] == ["ada"]


def test_ones_own_nick_can_be_written_otherwise(house: House) -> None:
    """It compares equal to one's own, so it is not in use by somebody else."""
    ada = house.enter("ada", "lobby")
    assert ada.ok("nick", nick="ADA")["nick"] == "ADA"
    assert ada.page("who", room="lobby")["members"] == ["ADA"]


def test_the_old_nick_is_free(house: House) -> None:
    """Somebody else may take it at once."""
    ada = house.enter("ada")
    ada.ok("nick", nick="lovelace")
    assert house.connect().hello("ada")["type"] == "welcome"
    assert house.connect().hello("Lovelace")["code"] == "nick_in_use"


def test_a_nick_is_free_when_its_owner_vanished(house: House) -> None:
    """A reset frees it as a bye does, as soon as the server sees it."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    ada.reset()
    eventually(lambda: eva.page("who", room="lobby")["members"] == ["eva"])
    assert house.connect().hello("ada")["type"] == "welcome"


def test_a_nick_is_free_when_its_owner_has_read_the_goodbye(house: House) -> None:
    """Who says bye, sees the close and comes again at once is not told that the nick is in use."""
    for _ in range(200):
        ada = house.enter("ada")
        ada.ok("bye")
        ada.expect_end("bye")
        ada.close()
