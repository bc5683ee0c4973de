"""`live` and `disturb`: who may ask, and what they see."""

import socket
from collections.abc import Iterator

import pytest

from tests.chat_server.house import House
from tests.support.peer import ConnectionEnded, Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually


@pytest.fixture
def lab() -> Iterator[House]:
    """A server without limits."""
    with running_server(no_limits=True) as server, House(server) as house:
        yield house


def owner(house: House) -> Peer:
    assert house.server is not None
    peer = house.enter("boss", "lobby")
    peer.ok("claim", secret=house.server.owner_secret)
    return peer


def test_who_is_no_owner_is_refused(house: House) -> None:
    """With what to do about it. A moderator is none."""
    ana, boss = house.enter("ana", "lobby"), owner(house)
    boss.ok("op", who="ana")
    assert ana.refused("forbidden", "live")["text"] == (
        "only an owner may look at the live view: type /claim and the secret that the server shows "
        "at its start"
    )
    assert (
        "only an owner may disturb"
        in ana.refused("forbidden", "disturb", who="ana", how="suspend")["text"]
    )


def test_an_owner_sees_the_members(house: House) -> None:
    """Whose connections could be disturbed is not said where they cannot."""
    house.enter("ana", "lobby")
    boss = owner(house)
    live = boss.reply(boss.post("live"))
    assert live["type"] == "live"
    assert [(each["nick"], each["room"]) for each in live["view"]["members"]] == [
        ("ana", "lobby"),
        ("boss", "lobby"),
    ]
    assert "own" not in live


def test_a_server_with_limits_disturbs_nobody(house: House) -> None:
    """And says how to start one that does."""
    refused = owner(house).refused("forbidden", "disturb", who="boss", how="cut")
    assert "--no-limits" in refused["text"]


def test_a_suspended_connection_is_sent_nothing_until_it_is_released(lab: House) -> None:
    """It lags, as a client that reads nothing; then it gets all of it, in order."""
    ana, boss = lab.enter("ana", "lobby"), owner(lab)
    assert boss.reply(boss.post("live"))["own"] == ["ana", "boss"]
    ana.take(lambda frame: "boss" in frame.get("roles", ()))  # the last news ahead of it
    boss.ok("disturb", who="ana", how="suspend")
    for number in range(30):
        boss.say("lobby", f"{number}")

    def lagging() -> bool:
        members = boss.reply(boss.post("live"))["view"]["members"]
        first = members[0]
        return bool(first["nick"] == "ana" and first.get("lag", 0) > 20)

    eventually(lagging)
    row = boss.reply(boss.post("live"))["view"]["members"][0]
    assert row["held"] == "suspended"
    assert "behind" not in row  # nobody waits for its socket, which would take bytes
    ana.socket.settimeout(0.05)
    with pytest.raises(TimeoutError):
        ana.socket.recv(1)
    boss.ok("disturb", who="ana", how="release")
    assert [each["text"] for each in ana.messages(30)] == [f"{number}" for number in range(30)]
    ana.say("lobby", "I am back")


def test_a_delayed_connection_gets_all_of_it_later(lab: House) -> None:
    """In one piece after each pause, so nothing is lost and nothing comes twice."""
    ana, boss = lab.enter("ana", "lobby"), owner(lab)
    boss.ok("disturb", who="ana", how="delay", seconds=0.2)
    for number in range(30):
        boss.say("lobby", f"{number}")
    assert boss.reply(boss.post("live"))["view"]["members"][0].get("held") == "delayed"
    assert [each["text"] for each in ana.messages(30)] == [f"{number}" for number in range(30)]
    boss.ok("disturb", who="ana", how="delay")  # a second, in place of the one before
    boss.ok("disturb", who="ana", how="release")
    boss.say("lobby", "last")
    assert ana.messages(1)[0]["text"] == "last"


def test_a_suspended_connection_can_leave(lab: House) -> None:
    """Nobody waits for the goodbye that it is not sent."""
    ana, boss = lab.enter("ana", "lobby"), owner(lab)
    boss.ok("disturb", who="ana", how="suspend")
    boss.say("lobby", "unheard")
    ana.close()
    eventually(lambda: boss.page("who", room="lobby")["members"] == ["boss"])


def test_a_cut_connection_breaks_without_a_word(lab: House) -> None:
    """Its client takes its session up again."""
    ana, boss = lab.enter("ana", "lobby"), owner(lab)
    boss.ok("disturb", who="ana", how="cut")
    with pytest.raises((ConnectionEnded, ConnectionError)):
        ana.take(lambda frame: frame["type"] == "goodbye")
    again = lab.connect()
    assert again.hello("ana", session=ana.session)["session"] == ana.session


def test_only_ones_own_connections_may_be_disturbed(lab: House) -> None:
    """Those from the same address."""
    boss = owner(lab)
    assert lab.server is not None
    port = lab.server.addresses[0].port
    other = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
    with Peer(other) as ana:
        ana.hello("ana")
        ana.join("lobby")
        assert boss.reply(boss.post("live"))["own"] == ["boss"]
        refused = boss.refused("forbidden", "disturb", who="ana", how="cut")
        assert "from another machine" in refused["text"]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"who": "nobody", "how": "cut"}, "no_such_nick"),
        ({"who": "", "how": "cut"}, "bad_nick"),
        ({"who": "boss", "how": "tickle"}, "bad_request"),
        ({"who": "boss", "how": "delay", "seconds": 0}, "bad_request"),
        ({"who": "boss", "how": "delay", "seconds": 61}, "bad_request"),
    ],
)
def test_wrong_requests(lab: House, members: dict[str, object], code: str) -> None:
    """Each is refused, and the connection lives on."""
    boss = owner(lab)
    boss.refused(code, "disturb", **members)
    boss.say("lobby", "still here")
