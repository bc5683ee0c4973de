"""Taking another nick, and who is the same person."""

from collections.abc import Iterator

import pytest

from chat_server.identity.participant import Participant
from chat_server.rooms.nicks import HELD_LIMIT, HELD_PER_ADDRESS, HOLD_SECONDS, HeldNicks
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import running_server
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


@pytest.fixture
def timed(clock: ManualClock) -> Iterator[House]:
    """A house in which time passes when a test says so."""
    with running_server(clock=clock) as server, House(server) as house:
        yield house


def vanish(house: House, nick: str) -> Peer:
    """Somebody comes in, and the connection breaks."""
    peer = house.enter(nick)
    peer.reset()
    eventually(lambda: not _is_here(house, nick))
    return peer


def _is_here(house: House, nick: str) -> bool:
    assert house.server is not None
    return house.server._parts.registry.session_called(nick) is not None


@pytest.mark.parametrize("wanted", ["ada", "ADA", "\u0430da"], ids=["it", "the same", "its looks"])
def test_a_nick_is_kept_for_two_minutes_when_its_owner_vanished(
    timed: House, clock: ManualClock, wanted: str
) -> None:
    """From whoever comes in, and from who is here; for how long is said."""
    eva = timed.enter("eva")
    vanish(timed, "ada")
    clock.advance(20)
    peer = timed.connect()
    refusal = peer.hello(wanted)
    assert (refusal["code"], refusal["retry_after"]) == ("nick_in_use", 100)
    assert "kept for another 1 min 40 s for somebody whose connection was lost" in refusal["text"]
    assert eva.refused("nick_in_use", "nick", nick=wanted)["text"] == refusal["text"]
    clock.advance(100)
    assert peer.hello(wanted)["type"] == "welcome"


def test_who_comes_back_in_the_session_has_the_nick(timed: House, clock: ManualClock) -> None:
    """And loses it by the next bye."""
    ada = vanish(timed, "ada")
    clock.advance(60)
    again = timed.enter("ada", session=ada.session)
    again.skip_ids(100)
    clock.advance(60)
    assert timed.connect().hello("ada")["code"] == "nick_in_use"
    again.ok("bye")
    again.expect_end("bye")
    assert timed.connect().hello("ada")["type"] == "welcome"


def test_who_comes_back_under_another_nick_frees_the_one_before(house: House) -> None:
    """The session is taken up all the same."""
    ada = vanish(house, "ada")
    assert house.enter("lovelace", session=ada.session).session == ada.session
    assert house.connect().hello("ada")["type"] == "welcome"


def test_nobody_logs_out_into_a_nick_that_is_kept(house: House) -> None:
    """As nobody comes in under it."""
    eva = house.enter("eva")
    eva.ok("register", password="open sesame")
    vanish(house, "ada")
    eva.refused("nick_in_use", "logout", nick="ada")
    eva.ok("logout", nick="zoe")


def test_the_nick_of_an_account_is_there_for_who_knows_the_password(house: House) -> None:
    """On another device, at once; the account keeps it from the others."""
    house.enter("ada").ok("register", password="open sesame")
    house.enter("ada", account_password="open sesame").reset()
    eventually(lambda: not _is_here(house, "ada"))
    assert house.connect().hello("ada", account_password="open sesame")["account"] == "ada"


def test_the_nick_of_who_is_banned_is_not_kept(place: OrderedHouse) -> None:
    """They do not come back."""
    place.enter("bob")
    place.mia.ok("ban", who="bob")
    place.mia.ok("unban", who="bob")
    assert place.connect().hello("bob")["type"] == "welcome"


def _gone(number: int) -> Participant:
    return Participant(number.to_bytes(32), f"n{number}")


def test_no_more_nicks_are_kept_than_may_be(clock: ManualClock) -> None:
    """From one address, be it a whole /64, and in all; those that were lost last."""
    held = HeldNicks(clock)
    for number in range(HELD_PER_ADDRESS + 1):
        held.hold(_gone(number), f"2001:db8::{number:x}")
    assert len(held) == HELD_PER_ADDRESS
    assert held.find("n0", b"") is None
    assert held.find("n1", b"") is not None
    for number in range(1000, 1000 + HELD_LIMIT):
        held.hold(_gone(number), f"10.0.{number % 250}.{number // 250}")
    assert len(held) == HELD_LIMIT
    assert held.find("n1", b"") is None
    assert held.find("n1000", b"") is not None
    clock.advance(HOLD_SECONDS)
    assert held.find("n1000", b"") is None
    assert len(held) == 0


def test_a_nick_is_free_when_its_owner_has_read_the_goodbye(house: House) -> None:
    """Who says bye, sees the close and comes again at once is not told that the nick is in use."""
    for _ in range(200):
        ada = house.enter("ada")
        ada.ok("bye")
        ada.expect_end("bye")
        ada.close()
