"""Direct messages for people who are away: kept, delivered once, marked, bounded, refused."""

from pathlib import Path

import pytest

from chat_server.admin import messages
from chat_server.admin.ask import ask
from chat_server.delivery import late_messages
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

PASSWORD = "correct horse"


def registered(house: House, nick: str) -> None:
    """Make an account, whose owner then goes."""
    peer = house.enter(nick)
    peer.ok("register", password=PASSWORD)
    peer.ok("bye")
    peer.expect_end("bye")


def returned(house: House, nick: str) -> Peer:
    """Come in with the password of an account."""
    return house.enter(nick, account_password=PASSWORD)


def late_of(peer: Peer) -> list[dict[str, object]]:
    """What waited for somebody, once all of it is confirmed."""
    peer.ping()
    return [frame for frame in peer.queue if frame["type"] == "direct"]


def test_it_waits_for_an_account(house: House) -> None:
    """The `ok` says so; it is marked, has the time at which it was sent, and comes once."""
    registered(house, "eva")
    ada = house.enter("ada")
    assert ada.ok("tell", to="EVA", text="psst")["kept"] is True
    sent = ada.ok("tell", to="eva", text="and psst")
    assert sent["kept"] is True
    eva = returned(house, "eva")
    first, second = eva.expect("direct"), eva.expect("direct")
    assert (first["from"], first["to"], first["text"]) == ("ada", "eva", "psst")
    assert second["text"] == "and psst"
    assert 0 < first["late"] < second["late"]
    eva.ping()
    eva.ok("bye")
    again = returned(house, "eva")
    assert not late_of(again)


def test_who_is_here_gets_it_at_once_and_unmarked(house: House) -> None:
    """Nothing is kept then."""
    ada, eva = house.enter("ada"), house.enter("eva")
    assert "kept" not in ada.ok("tell", to="eva", text="psst")
    assert "late" not in eva.expect("direct")


def test_an_account_that_is_here_under_another_nick_gets_it_at_once(house: House) -> None:
    """It is the person that is meant."""
    eva = house.enter("eva")
    eva.ok("register", password=PASSWORD)
    eva.ok("nick", nick="eva2")
    assert "kept" not in house.enter("ada").ok("tell", to="eva", text="psst")
    assert eva.expect("direct")["to"] == "eva2"


def test_it_waits_for_a_session_that_was_lost(house: House) -> None:
    """As long as its nick is kept; whoever has only the nick later does not get it."""
    eva, ada = house.enter("eva"), house.enter("ada")
    eva.reset()
    eventually(lambda: ada.request("tell", to="eva", text="still there?").get("kept"))
    back = house.enter("eva", session=eva.session)
    assert back.expect("direct")["text"] == "still there?"


def test_who_said_bye_without_an_account_gets_nothing(house: House) -> None:
    """Nobody can come back as them."""
    eva, ada = house.enter("eva"), house.enter("ada")
    eva.ok("bye")
    eva.expect_end("bye")
    ada.refused("no_such_nick", "tell", to="eva", text="hi")


def test_it_comes_by_a_login(house: House) -> None:
    """Behind the `ok`."""
    registered(house, "eva")
    house.enter("ada").ok("tell", to="eva", text="psst")
    guest = house.enter("guest")
    assert guest.ok("login", password=PASSWORD, account="eva")["nick"] == "eva"
    assert guest.expect("direct")["text"] == "psst"


def test_what_was_not_confirmed_comes_again_under_its_number(house: House) -> None:
    """The connection broke behind it; nobody knows whether it was read."""
    registered(house, "eva")
    house.enter("ada").ok("tell", to="eva", text="psst")
    deaf = house.connect(answers_pings=False)
    deaf.hello("eva", account_password=PASSWORD)
    first = deaf.expect("direct")
    assert deaf.expect("ping")["id"] == first["late"] + 1
    deaf.reset()
    again = returned(house, "eva")
    assert again.expect("direct") == first
    again.ping()
    assert not late_of(returned(house, "eva"))


def test_a_made_up_pong_confirms_nothing_of_others(house: House) -> None:
    """It counts for what was sent to whoever says it."""
    registered(house, "eva")
    house.enter("ada").ok("tell", to="eva", text="psst")
    zoe = house.enter("zoe")
    for number in range(1, 10):
        zoe.send({"type": "pong", "re": number})
    zoe.ping()
    assert returned(house, "eva").expect("direct")["text"] == "psst"


def test_more_than_fits_at_once_comes_in_order(house: House) -> None:
    """The rest when the first are confirmed."""
    registered(house, "eva")
    talkers = [house.enter(f"ada{number}") for number in range(3)]
    sent = [f"{number} {'x' * 3900}" for number in range(45)]
    for number, text in enumerate(sent):
        assert talkers[number // 20].ok("tell", to="eva", text=text)["kept"]
    eva = returned(house, "eva")
    assert [eva.expect("direct")["text"] for _ in sent] == sent


def test_it_survives_a_restart(tmp_path: Path) -> None:
    """And the number of the next is another."""
    with running_server(tmp_path) as server, House(server) as house:
        registered(house, "eva")
        house.enter("ada").ok("tell", to="eva", text="one")
    with running_server(tmp_path) as server, House(server) as house:
        house.enter("ada").ok("tell", to="eva", text="two")
        eva = returned(house, "eva")
        assert [eva.expect("direct")["text"] for _ in range(2)] == ["one", "two"]


def test_it_survives_a_kill(tmp_path: Path) -> None:
    """What the `ok` said to be kept is there, and what was confirmed is not there again."""
    with ServerProcess.serve(tmp_path) as server:
        with House(server.address) as house:
            registered(house, "eva")
            ada = house.enter("ada")
            ada.ok("tell", to="eva", text="one")
            eva = returned(house, "eva")
            assert eva.expect("direct")["text"] == "one"
            eva.ping()
            eva.ok("bye")
            eva.expect_end("bye")
            ada.ok("tell", to="eva", text="two")
            server.kill()
        with server.restarted() as again, House(again.address) as house:
            assert [each["text"] for each in late_of(returned(house, "eva"))] == ["two"]


def test_it_does_not_wait_for_ever() -> None:
    """`keep_direct` says how long."""
    clock = ManualClock()
    with running_server(clock=clock, keep_direct=60.0) as server, House(server) as house:
        registered(house, "eva")
        house.enter("ada").ok("tell", to="eva", text="psst")
        clock.advance(61)
        assert not late_of(returned(house, "eva"))


def test_nothing_is_kept_where_the_server_is_told_so() -> None:
    """`keep_direct = none`: refused, as it was before there was such a thing."""
    with running_server(keep_direct=None) as server, House(server) as house:
        registered(house, "eva")
        house.enter("ada").refused("no_such_nick", "tell", to="eva", text="psst")


def test_so_many_wait_for_one_person() -> None:
    """`direct_waiting`; then it is refused, and nothing is lost of what waits."""
    with running_server(direct_waiting=3) as server, House(server) as house:
        registered(house, "eva")
        ada, zoe = house.enter("ada"), house.enter("zoe")
        for number in range(3):
            ada.ok("tell", to="eva", text=f"{number}")
        zoe.refused("unavailable", "tell", to="eva", text="one more")
        eva = returned(house, "eva")
        assert [eva.expect("direct")["text"] for _ in range(3)] == ["0", "1", "2"]


def test_so_many_wait_of_one_person(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """For whomever: nobody fills the boxes of all; others still can leave something."""
    monkeypatch.setattr(late_messages, "SENDER_LIMIT", 3)
    registered(house, "eva")
    registered(house, "zoe")
    ada = house.enter("ada")
    for who in ("eva", "zoe", "eva"):
        ada.ok("tell", to=who, text="psst")
    ada.refused("unavailable", "tell", to="zoe", text="psst")
    assert house.enter("ben").ok("tell", to="zoe", text="psst")["kept"]


def test_so_many_wait_in_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of however many people."""
    monkeypatch.setattr(late_messages, "TOTAL_LIMIT", 2)
    registered(house, "eva")
    for name in ("ada", "ben"):
        house.enter(name).ok("tell", to="eva", text="psst")
    house.enter("kim").refused("unavailable", "tell", to="eva", text="psst")


def test_new_sessions_are_no_way_round(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is slowed."""
    monkeypatch.setattr(late_messages, "SENDER_LIMIT", 1000)
    monkeypatch.setattr(late_messages, "TOTAL_LIMIT", 100_000)
    for name in ("eva", "zoe", "kim", "tom", "una"):
        registered(house, name)
    codes = []
    for name in ("eva", "zoe", "kim", "tom", "una"):
        ada = house.enter(f"ada-{name}")
        codes += [ada.request("tell", to=name, text="psst").get("code") for _ in range(50)]
    assert codes[:200] == [None] * 200
    assert "rate_limited" in codes[200:]


def test_who_wants_none_gets_none(tmp_path: Path) -> None:
    """Senders are told what they are told of anybody who is not here; it is kept over restarts."""
    with running_server(tmp_path) as server, House(server) as house:
        eva = house.enter("eva")
        eva.ok("register", password=PASSWORD)
        assert eva.ok("late")["late"] is True
        assert eva.ok("late", on=False)["late"] is False
        eva.ok("bye")
        eva.expect_end("bye")
        house.enter("ada").refused("no_such_nick", "tell", to="eva", text="psst")
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada")
        ada.refused("no_such_nick", "tell", to="eva", text="psst")
        eva = returned(house, "eva")
        assert eva.ok("late")["late"] is False
        assert eva.ok("late", on=True)["late"] is True
        eva.ok("bye")
        eva.expect_end("bye")
        assert ada.ok("tell", to="eva", text="psst")["kept"]


def test_so_many_people_may_refuse(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """New sessions do not fill the memory with it."""
    monkeypatch.setattr(late_messages, "REFUSALS_LIMIT", 1)
    house.enter("ada").ok("late", on=False)
    house.enter("eva").refused("unavailable", "late", on=False)


def test_who_is_muted_leaves_nothing_but_for_a_moderator(place: OrderedHouse) -> None:
    """As with a `tell` to somebody who is here."""
    registered(place, "eva")
    place.mia.ok("register", password=PASSWORD)
    bob = place.enter("bob", "lobby")
    place.mia.ok("mute", who="bob")
    place.mia.ok("bye")
    place.mia.expect_end("bye")
    bob.refused("muted", "tell", to="eva", text="psst")
    assert bob.ok("tell", to="mia", text="why?")["kept"]


def test_an_account_that_is_removed_leaves_nothing(tmp_path: Path) -> None:
    """Whoever registers the nick next gets nothing of it."""
    with ordered_house(tmp_path) as place:
        registered(place, "eva")
        place.ada.ok("tell", to="eva", text="psst")
        list(ask(tmp_path, messages.RemoveAccount("eva")))
        registered(place, "eva")
        assert not late_of(returned(place, "eva"))


def test_what_a_bot_left_is_marked(house: House) -> None:
    """Two bots never answer each other, late or not."""
    registered(house, "eva")
    house.enter("echo", client="bot").ok("tell", to="eva", text="hi")
    assert returned(house, "eva").expect("direct")["bot"] is True


def test_a_late_message_is_a_text(house: House) -> None:
    """The same rules."""
    registered(house, "eva")
    ada = house.enter("ada")
    ada.refused("text_too_long", "tell", to="eva", text="x" * 4001)
    ada.refused("bad_text", "tell", to="eva", text="\x1b")
