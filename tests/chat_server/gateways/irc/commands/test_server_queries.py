"""PING, MOTD, LUSERS, VERSION, TIME, and what there is not."""

import pytest

from chat_server.rooms import room
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.irc_peer import IrcHouse, IrcPeer, irc_house
from tests.support.servers import address_of, running_server
from tests.support.waiting import eventually


@pytest.mark.parametrize(
    ("line", "numerics"),
    [
        ("PING", ["461"]),
        ("PONG", []),
        ("PONG :x", []),
        ("MOTD", ["422"]),
        ("LUSERS", ["251", "252", "254", "255", "265", "266"]),
        ("VERSION", ["351", "005", "005"]),
        ("TIME", ["391"]),
        ("NONSENSE a b", ["421"]),
        ("privmsg", ["411"]),
        ("INVITE ana #a", ["403"]),
    ],
)
def test_what_it_says(irc: IrcHouse, line: str, numerics: list[str]) -> None:
    """Case does not matter."""
    found = irc.enter("ana").ask(line)
    assert [heard.command for heard in found] == numerics
    assert all(heard.params[0] == "ana" and heard.source == "backchannel" for heard in found)


def test_an_unknown_command_is_named(irc: IrcHouse) -> None:
    """As it was sent, in capitals."""
    assert irc.enter("ana").ask("nonsense")[0].params[1] == "NONSENSE"


def test_a_ping_is_answered_with_its_word(irc: IrcHouse) -> None:
    """Whatever the word is."""
    peer = irc.enter("ana")
    peer.send("PING :a b c", "PING token other")
    peer.expect("PONG", "backchannel", "a b c")
    peer.expect("PONG", "backchannel", "token")


def test_a_ping_is_answered_after_what_was_said_before(irc: IrcHouse) -> None:
    """So a client that has its PONG has its echo and whatever became of its words."""
    echoing = irc.enter("ana", "#a", capabilities=("echo-message",))
    for n in range(20):
        assert echoing.ask(f"PRIVMSG #a :{n}")[-1].params == ("#a", f"{n}")
    assert [heard.params for heard in echoing.ask("TOPIC #a :new")] == [("#a", "new")]
    assert echoing.commands("PRIVMSG #a : ") == ["404"]


def test_pings_make_no_event_of_each_who_comes(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who pings all the time lets a room be told ahead of time once, and later when others are."""
    monkeypatch.setattr(room, "TELLING_EARLY", 1e9)
    with (
        running_server(clock=clock) as server,
        House(server) as house,
        irc_house(house.address) as irc,
    ):
        ana = irc.enter("ana", "#a")
        ana.sync()
        bob = house.enter("bob", "a")
        house.enter("eva", "a")
        ana.send("PING :later")
        (lobby,) = [each for each in server._parts.rooms.all() if each.name == "a"]
        eventually(lambda: bool(lobby._changed._waiters))  # type: ignore[attr-defined]
        bob.ping()
        assert not [frame for frame in bob.queue if frame["type"] == "presence"]
        clock.advance(1.0)
        ana.expect("PONG", "backchannel", "later")
        assert bob.expect("presence")["joined"] == ["bob", "eva"]


def test_a_ping_is_answered_after_others_have_what_was_said(irc: IrcHouse) -> None:
    """Who has the PONG knows that those who ask next have the message."""
    ana, eva = irc.enter("ana", "#a"), irc.enter("eva", "#a")
    ana.sync()
    for n in range(20):
        eva.ask(f"PRIVMSG #a :{n}")
        assert [heard.params for heard in ana.sync()] == [("#a", f"{n}")]


def test_a_ping_is_answered_after_who_came_and_went_is_told(irc: IrcHouse) -> None:
    """However long a presence may wait for others that it is to be told with."""
    ana = irc.enter("ana", "#a")
    eva = irc.enter("eva", "#a")
    assert [(heard.command, heard.nick) for heard in ana.sync()] == [("JOIN", "eva")]
    eva.ask("NICK evita")
    assert [(heard.command, heard.text) for heard in ana.sync()] == [("NICK", "evita")]
    eva.ask("PART #a")
    assert [(heard.command, heard.nick) for heard in ana.sync()] == [("PART", "evita")]


def test_who_comes_and_goes_at_once_is_seen_by_who_was_told_of_them(irc: IrcHouse) -> None:
    """The names that a JOIN is answered with may be ahead of the presence."""
    eva, zoe = irc.enter("eva", "#a"), irc.enter("zoe", "#a")
    ana = irc.enter("ana", "#a")
    zoe.send("NICK zoey")
    eva.send("PART #a")
    ana.expect("PART", "#a", source="eva!eva@backchannel")
    ana.expect("NICK", "zoey", source="zoe!zoe@backchannel")


def test_who_is_silent_is_asked_and_who_answers_stays() -> None:
    """PING and PONG, as with everybody; who answers nothing is gone."""
    with running_server(ping_interval=0.1, patience=0.5) as server:
        address = address_of(server)
        with IrcPeer.connect(address) as there, IrcPeer.connect(address) as gone:
            there.register("ana")
            gone.register("eva")
            there.join("#a")
            gone.send("JOIN #a")
            there.expect("JOIN", "#a", source="eva!eva@backchannel")
            there.expect("QUIT", source="eva!eva@backchannel")
