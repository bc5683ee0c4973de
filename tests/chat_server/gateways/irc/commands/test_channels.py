"""JOIN, PART, NAMES, TOPIC, LIST."""

import pytest

from chat_server.delivery.fair_queue import ServerWaiter
from chat_server.gateways.irc.live import ServerState
from protocol.messages import Message
from tests.chat_server.house import House
from tests.support.irc_peer import Heard, IrcHouse, irc_house
from tests.support.servers import address_of, running_server
from tests.support.waiting import eventually


def commands(found: list[Heard]) -> list[str]:
    return [heard.command for heard in found]


def names(found: list[Heard]) -> list[str]:
    """Those in the 353s."""
    return [nick for heard in found if heard.command == "353" for nick in heard.text.split()]


def test_a_join(house: House, irc: IrcHouse) -> None:
    """The own JOIN, the topic with who set it, who is there."""
    bob = house.enter("bob", "lobby")
    bob.ok("topic", room="lobby", topic="the topic")
    peer = irc.enter("ana")
    found = peer.ask("JOIN #LOBBY")
    assert commands(found) == ["JOIN", "332", "333", "353", "366"]
    assert (found[0].source, found[0].params) == ("ana!ana@backchannel", ("#lobby",))
    assert found[1].params == ("ana", "#lobby", "the topic")
    assert found[2].params[:3] == ("ana", "#lobby", "bob!bob@backchannel")
    assert found[3].params == ("ana", "=", "#lobby", "ana bob")
    assert found[4].params[:2] == ("ana", "#lobby")
    assert bob.take(lambda frame: "ana" in frame.get("joined", ()))["members"] == 2


def test_no_topic_no_333(irc: IrcHouse) -> None:
    """Nothing is said of it."""
    assert commands(irc.enter("ana").ask("JOIN #a")) == ["JOIN", "353", "366"]


def test_who_set_a_topic_long_ago(house: House, irc: IrcHouse) -> None:
    """It is the server, where nobody knows any more."""
    bob = house.enter("bob", "lobby")
    bob.ok("topic", room="lobby", topic="old")
    for _ in range(501):
        bob.post("say", room="lobby", text="x")
    bob.ping()
    bob.say("lobby", "last")
    found = irc.enter("ana").ask("JOIN #lobby")
    assert found[2].params[:3] == ("ana", "#lobby", "backchannel")


def test_it_is_looked_for_in_so_many_bytes(
    house: House, irc: IrcHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or who asks for the topic has the server read megabytes each time."""
    read: list[int] = []
    recent = ServerState.recent

    def count(live: ServerState, room: str, limit: int, space: int | None = None) -> list[Message]:
        found = recent(live, room, limit, space)
        read.append(sum(len(message.text) for message in found))
        return found

    monkeypatch.setattr(ServerState, "recent", count)
    bob = house.enter("bob", "lobby")
    bob.ok("topic", room="lobby", topic="old")
    ids = [bob.post("say", room="lobby", text="x" * 4000) for _ in range(100)]
    assert bob.reply(ids[-1])["seq"] == 101
    found = irc.enter("ana").ask("JOIN #lobby")
    assert found[2].params[:3] == ("ana", "#lobby", "backchannel")
    assert 200_000 < max(read) < 300_000


def test_several_at_once(irc: IrcHouse) -> None:
    """Each for itself; a second time it is nothing."""
    peer = irc.enter("ana")
    found = peer.ask("JOIN #a,#b,nonsense,#c")
    assert sorted(commands(found)) == ["353"] * 3 + ["366"] * 3 + ["403"] + ["JOIN"] * 3
    assert peer.ask("JOIN #a") == []


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("JOIN", "461"),
        ("JOIN #", "403"),
        ("JOIN #ä", "403"),
        ("JOIN a", "403"),
        ("JOIN :", "403"),
        ("PART", "461"),
        ("PART #b", "403"),
        ("PART b", "403"),
        ("TOPIC", "461"),
        ("TOPIC #b", "403"),
        ("TOPIC b :c", "403"),
        ("NAMES #b", "366"),
        ("NAMES", "366"),
    ],
)
def test_mistakes(irc: IrcHouse, line: str, numeric: str) -> None:
    """The numeric that fits."""
    assert irc.enter("ana").commands(line) == [numeric]


def test_where_one_is_not(house: House, irc: IrcHouse) -> None:
    """442; of who is there nothing is said."""
    house.enter("bob", "b")
    peer = irc.enter("ana")
    assert peer.commands("PART #b", "TOPIC #b", "TOPIC #b :x") == ["442"] * 3
    assert peer.commands("NAMES #b") == ["366"]


def test_too_many_rooms() -> None:
    """405."""
    with running_server(rooms_per_client=2) as server, irc_house(address_of(server)) as irc:
        found = irc.enter("ana").ask("JOIN #a,#b,#c")
        assert found[-1].command == "405"
        assert found[-1].params[1] == "#c"


def test_a_part(house: House, irc: IrcHouse) -> None:
    """With a reason or without, of several, and of all by JOIN 0."""
    bob = house.enter("bob", "a")
    peer = irc.enter("ana", "#a", "#b", "#c", "#d")
    bob.take(lambda frame: "ana" in frame.get("joined", ()))
    found = peer.ask("PART #a,#b :so long")
    assert [heard.params for heard in found] == [("#a", "so long"), ("#b", "so long")]
    bob.take(lambda frame: "ana" in frame.get("left", ()))
    assert sorted(heard.params for heard in peer.ask("JOIN 0")) == [("#c",), ("#d",)]
    bob.say("a", "nobody hears it")
    assert peer.sync() == []


def test_others_come_and_go(house: House, irc: IrcHouse) -> None:
    """JOIN, PART, NICK once, QUIT once."""
    peer = irc.enter("ana", "#a", "#b")
    bob = house.enter("bob", "a", "b")
    for _ in "ab":
        peer.expect("JOIN", source="bob!bob@backchannel")
    bob.ok("leave", room="a")
    peer.expect("PART", "#a", source="bob!bob@backchannel")
    bob.join("a")
    peer.expect("JOIN", "#a")
    bob.ok("nick", nick="rob")
    peer.expect("NICK", "rob", source="bob!bob@backchannel")
    bob.ok("bye")
    peer.expect("QUIT", source="rob!rob@backchannel")
    assert peer.sync() == []
    assert names(peer.ask("NAMES #a")) == ["ana"]


def test_why_irc_clients_leave_is_told_to_irc_clients(house: House, irc: IrcHouse) -> None:
    """A PART and a QUIT have the reason that was given; the next one has none of it."""
    ana, eva = irc.enter("ana", "#a", "#b"), irc.enter("eva", "#a", "#b")
    for _ in "ab":
        ana.expect("JOIN", source="eva!eva@backchannel")
    eva.ask("PART #a :so long")
    ana.expect("PART", "#a", "so long", source="eva!eva@backchannel")
    eva.send("QUIT :good night")
    ana.expect("QUIT", "good night", source="eva!eva@backchannel")
    again = house.enter("eva", "a")
    ana.expect("JOIN", "#a", source="eva!eva@backchannel")
    again.ok("leave", room="a")
    assert ana.expect("PART", "#a", source="eva!eva@backchannel").params == ("#a",)
    again.join("a")
    ana.expect("JOIN", "#a", source="eva!eva@backchannel")
    again.ok("bye")
    assert ana.expect("QUIT", source="eva!eva@backchannel").text == "gone"


def test_who_joins_and_is_renamed_at_once(irc: IrcHouse) -> None:
    """Who was told of them by the names is told of the new nick."""
    bob = irc.connect()
    bob.register("bob")
    bob.send("JOIN #a")
    bob.expect("366")
    ana = irc.connect()
    ana.register("ana")
    ana.send("JOIN #a")
    ana.expect("366")
    bob.send("NICK rob")
    ana.expect("NICK", "rob", source="bob!bob@backchannel")


def test_whose_nick_changes_while_somebody_joins(irc: IrcHouse) -> None:
    """Whoever was given the old nick is told of the new one; nobody is said to have gone."""
    ana, bob = irc.enter("ana"), irc.enter("bob0")
    for number in range(30):
        room, old, new = f"#r{number}", f"bob{number}", f"bob{number + 1}"
        bob.ask(f"JOIN {room}")
        ana.send(f"JOIN {room}")
        bob.send(f"NICK {new}")
        listed = names(ana.until("366"))
        bob.expect("NICK", new)
        told = [heard for heard in ana.ask("PING x") if heard.command != "PONG"]
        renamed = Heard(f"{old}!{old}@backchannel", "NICK", (new,))
        assert told == ([renamed] if old in listed else []), (listed, told)
        ana.ask(f"PART {room}")


def test_irc_clients_see_one_another(irc: IrcHouse) -> None:
    """And whoever lost the connection."""
    ana, eva = irc.enter("ana", "#a"), irc.enter("eva", "#a")
    ana.expect("JOIN", "#a", source="eva!eva@backchannel")
    eva.send("NICK :eve")
    eva.expect("NICK", "eve", source="eva!eva@backchannel")
    ana.expect("NICK", "eve", source="eva!eva@backchannel")
    eva.close()
    ana.expect("QUIT", source="eve!eve@backchannel")


def test_a_crowd_is_not_announced(house: House, irc: IrcHouse) -> None:
    """In a room of more than 100 nobody is told of single people; NAMES is right."""
    crowd = [house.enter(f"member-{number:03}", "big") for number in range(101)]
    peer = irc.enter("ana")
    found = peer.ask("JOIN #big")
    assert sorted(names(found)) == sorted(["ana", *(each.nick for each in crowd)])
    assert commands(found).count("353") > 1
    late = house.enter("late", "big")
    crowd[0].ok("leave", room="big")
    late.take(lambda frame: "member-000" in frame.get("left", ()))
    there = names(peer.ask("NAMES #big"))
    assert ("late" in there, "member-000" in there) == (True, False)
    assert not [heard for heard in peer.queue if heard.command in ("JOIN", "PART")]


def test_many_at_once_are_not_announced() -> None:
    """Of more than 20 who come together nobody is named."""
    with (
        running_server(presence_interval=1.0) as server,
        House(server) as house,
        irc_house(house.address) as irc,
    ):
        peer = irc.enter("ana", "#a")
        crowd = [house.enter(f"member-{number}") for number in range(30)]
        for each in crowd:
            each.post("join", room="a")
        crowd[0].take(lambda frame: len(frame.get("joined", ())) > 20)
        assert len(names(peer.ask("NAMES #a"))) == 31
        assert not [heard for heard in [*peer.queue, *peer.sync()] if heard.command == "JOIN"]


def test_a_topic(house: House, irc: IrcHouse) -> None:
    """Asked, set, cleared; everybody is told, who set it too."""
    bob = house.enter("bob", "a")
    peer = irc.enter("ana", "#a")
    assert commands(peer.ask("TOPIC #a")) == ["331"]
    peer.send("TOPIC #a :new one")
    assert peer.expect("TOPIC", "#a", "new one").nick == "ana"
    assert bob.messages(1)[0]["text"] == "new one"
    found = peer.ask("TOPIC #a")
    assert [heard.command for heard in found] == ["332", "333"]
    assert found[1].params[2] == "ana!ana@backchannel"
    peer.send("TOPIC #a :")
    peer.expect("TOPIC", "#a", "")
    assert commands(peer.ask("TOPIC #a")) == ["331"]
    bob.ok("topic", room="a", topic="two\nlines " + "x" * 900)
    heard = peer.expect("TOPIC", "#a", source="bob!bob@backchannel")
    assert heard.text.startswith("two lines xxx")


def test_the_list(house: House, irc: IrcHouse) -> None:
    """Of all rooms, or of some; of as many as there are."""
    bob = house.enter("bob", "a", "b")
    bob.ok("topic", room="a", topic="hm")
    peer = irc.enter("ana", "#b")
    found = peer.ask("LIST")
    assert commands(found) == ["321", "322", "322", "323"]
    assert [heard.params[1:] for heard in found[1:3]] == [("#a", "1", "hm"), ("#b", "2", "")]
    assert [heard.params[1] for heard in peer.ask("LIST #b,#c")][1:-1] == ["#b"]


# -- what was said before -------------------------------------------------------------------------


def said_before(house: House, count: int = 60) -> None:
    bob = house.enter("bob", "a")
    bob.ok("topic", room="a", topic="not shown again")
    for number in range(count - 1):
        bob.say("a", f"number {number}")
    bob.say("a", "waves", kind="action")


def test_what_was_said_comes_as_a_batch(house: House, irc: IrcHouse) -> None:
    """The last 50, where the client has batches: no JOIN, PART or TOPIC in it."""
    said_before(house)
    peer = irc.enter("ana", capabilities=("batch", "server-time", "message-tags"))
    found = peer.ask("JOIN #a")
    begin = commands(found).index("BATCH")
    inside, reference = found[begin + 1 : -1], found[begin].params[0][1:]
    assert found[begin].params[1:] == ("chathistory", "#a")
    assert found[-1].params == (f"-{reference}",)
    assert {heard.command for heard in inside} == {"PRIVMSG"}
    assert [heard.tags["msgid"] for heard in inside] == [f"a/{seq}" for seq in range(12, 62)]
    assert {heard.tags["batch"] for heard in inside} == {reference}
    assert all(heard.tags["time"].endswith("Z") for heard in inside)
    assert inside[-1].text == "\x01ACTION waves\x01"
    assert commands(found)[:begin] == ["JOIN", "332", "333", "353", "366"]


def test_what_was_said_comes_plainly_with_times(house: House, irc: IrcHouse) -> None:
    """Where there are no batches, as with irssi and weechat."""
    said_before(house)
    found = irc.enter("ana", capabilities=("server-time",)).ask("JOIN #a")
    said = [heard for heard in found if heard.command == "PRIVMSG"]
    assert len(said) == 50
    assert all(set(heard.tags) == {"time"} for heard in said)
    assert "BATCH" not in commands(found)


@pytest.mark.parametrize(
    "has", [(), ("message-tags",), ("batch", "server-time", "draft/chathistory")]
)
def test_what_was_said_is_for_who_can_show_it(
    house: House, irc: IrcHouse, has: tuple[str, ...]
) -> None:
    """Or does not ask for it by itself."""
    said_before(house, 3)
    assert commands(irc.enter("ana", capabilities=has).ask("JOIN #a")) == [
        "JOIN",
        "332",
        "333",
        "353",
        "366",
    ]


def test_what_is_said_between_reading_and_joining_comes(
    house: House, irc: IrcHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the first thing that is said in a room, of which there was nothing to replay."""
    bob = house.enter("bob", "a")
    recent = ServerState.recent

    def read_and_talk(live: ServerState, room: str, limit: int) -> list[Message]:
        found = recent(live, room, limit)
        bob.say("a", "just now")
        return found

    monkeypatch.setattr(ServerState, "recent", read_and_talk)
    for nick in ("ana", "eva"):
        peer = irc.enter(nick, capabilities=("server-time", "message-tags"))
        peer.send("JOIN #a")
        assert peer.take(lambda heard: heard.command == "PRIVMSG").text == "just now"
    assert peer.take(lambda heard: heard.command == "PRIVMSG").tags["msgid"] == "a/2"


def test_what_was_said_while_one_comes_in_is_neither_lost_nor_doubled(
    house: House, irc: IrcHouse
) -> None:
    """One unbroken sequence, first what was, then what is."""
    bob = house.enter("bob", "a")
    for round_ in range(15):
        for number in range(20):
            bob.post("say", room="a", text=f"{round_}:{number}")
        peer = irc.enter(f"ana{round_}", capabilities=("server-time", "message-tags"))
        peer.send("JOIN #a")
        bob.say("a", f"{round_} is over")
        found: list[Heard] = []
        while not found or found[-1].text != f"{round_} is over":
            found.append(peer.take(lambda heard: heard.command == "PRIVMSG"))
        seqs = [int(heard.tags["msgid"].partition("/")[2]) for heard in found]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        peer.send("QUIT")


@pytest.mark.parametrize(
    "line",
    [
        "JOIN #garden",
        "TOPIC #lobby",
        "CHATHISTORY BEFORE #lobby timestamp=2026-11-27T08:15:00.000Z 10",
    ],
)
def test_who_reads_the_log_waits_with_those_who_read(
    house: House, irc: IrcHouse, line: str
) -> None:
    """And at the head of no other queue, where everybody would wait for the disk."""
    server = house.server
    assert server is not None
    bob = house.enter("bob", "lobby", "garden")
    bob.ok("topic", room="lobby", topic="tea")
    ana = irc.enter("ana", "#lobby")
    queue, holder = server._parts.long_queue, ServerWaiter("the test")
    eventually(lambda: queue.enter(holder) and queue.waiting == 0)
    ana.send(line)
    eventually(lambda: queue.waiting == 1)
    bob.ping()
    bob.say("lobby", "tea?")
    queue.leave(holder)
    ana.sync()
