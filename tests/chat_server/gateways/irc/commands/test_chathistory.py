"""CHATHISTORY: every subcommand by msgid and by time, and every mistake."""

import pytest

from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.irc_peer import Heard, IrcHouse, IrcPeer, irc_house
from tests.support.servers import running_server

HAS = ("batch", "draft/chathistory", "message-tags", "server-time", "standard-replies")

# The room has messages 1 to 20, a second apart; 4 and 8 are topics, which are not shown.
SHOWN = [seq for seq in range(1, 21) if seq not in (4, 8)]


@pytest.fixture
def reader(clock: ManualClock):  # type: ignore[no-untyped-def]
    """Somebody in a room with a history."""
    with (
        running_server(clock=clock) as server,
        House(server) as house,
        irc_house(house.address) as irc,
    ):
        bob = house.enter("bob", "a")
        for seq in range(1, 21):
            if seq in (4, 8):
                bob.ok("topic", room="a", topic=f"topic {seq}")
            else:
                bob.say("a", f"number {seq}")
            clock.advance(1.0)
        yield irc.enter("ana", "#a", capabilities=HAS)


def seqs(found: list[Heard]) -> list[int]:
    """The messages of a batch, which the answer has to be."""
    assert [heard.command for heard in (found[0], found[-1])] == ["BATCH", "BATCH"]
    assert found[0].params[1:] == ("chathistory", "#a")
    assert {heard.tags["batch"] for heard in found[1:-1]} <= {found[0].params[0][1:]}
    return [int(heard.tags["msgid"].partition("/")[2]) for heard in found[1:-1]]


def times(peer: IrcPeer) -> dict[int, str]:
    """When each message was said, as the client reads it."""
    found = peer.ask("CHATHISTORY LATEST #a * 100")[1:-1]
    return {int(heard.tags["msgid"].partition("/")[2]): heard.tags["time"] for heard in found}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("LATEST #a * 100", SHOWN),
        ("LATEST #a * 3", [18, 19, 20]),
        ("latest #A * 1", [20]),
        ("LATEST #a {15} 100", [16, 17, 18, 19, 20]),
        ("LATEST #a {15} 2", [19, 20]),
        ("LATEST #a {20} 5", []),
        ("BEFORE #a {6} 100", [1, 2, 3, 5]),
        ("BEFORE #a {6} 2", [3, 5]),
        ("BEFORE #a {1} 9", []),
        ("AFTER #a {18} 100", [19, 20]),
        ("AFTER #a {3} 2", [5, 6]),
        ("AFTER #a {20} 2", []),
        ("AROUND #a {10} 1", [10]),
        ("AROUND #a {10} 3", [9, 10, 11]),
        ("AROUND #a {7} 5", [5, 6, 7, 9, 10]),
        ("AROUND #a {1} 3", [1, 2]),
        ("BETWEEN #a {10} {14} 100", [11, 12, 13]),
        ("BETWEEN #a {14} {10} 100", [11, 12, 13]),
        ("BETWEEN #a {10} {20} 3", [11, 12, 13]),
        ("BETWEEN #a {20} {10} 3", [17, 18, 19]),
        ("BETWEEN #a {10} {11} 9", []),
        ("BETWEEN #a {10} {10} 9", []),
    ],
)
def test_each_subcommand(reader: IrcPeer, query: str, expected: list[int]) -> None:
    """By msgid, by time, and by both: ascending, without the message that is named."""
    when = times(reader)
    msgids = [f"msgid=a/{seq}" for seq in range(21)]
    moments = [f"timestamp={when.get(seq, '')}" for seq in range(21)]
    for selectors in (msgids, moments):
        assert seqs(reader.ask(f"CHATHISTORY {query.format(*selectors)}")) == expected


def test_moments_between_messages(reader: IrcPeer) -> None:
    """A time need not be that of a message."""
    when = times(reader)[10].replace(".000Z", ".500Z")
    assert when.endswith(".500Z")
    ask = reader.ask
    assert seqs(ask(f"CHATHISTORY BEFORE #a timestamp={when} 1")) == [10]
    assert seqs(ask(f"CHATHISTORY AFTER #a timestamp={when} 1")) == [11]
    assert seqs(ask(f"CHATHISTORY AROUND #a timestamp={when} 2")) == [10, 11]
    assert seqs(ask("CHATHISTORY AFTER #a timestamp=1990-01-01T00:00:00.000Z 2")) == [1, 2]
    assert seqs(ask("CHATHISTORY AFTER #a timestamp=2190-01-01T00:00:00.000Z 2")) == []
    assert seqs(ask("CHATHISTORY BEFORE #a timestamp=2190-01-01T00:00:00Z 1")) == [20]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "NEED_MORE_PARAMS"),
        ("LATEST", "NEED_MORE_PARAMS"),
        ("LATEST #a *", "NEED_MORE_PARAMS"),
        ("BETWEEN #a msgid=a/1 5", "NEED_MORE_PARAMS"),
        ("NONSENSE #a * 5", "INVALID_PARAMS"),
        ("LATEST #a * 0", "INVALID_PARAMS"),
        ("LATEST #a * x", "INVALID_PARAMS"),
        ("LATEST #a * -1", "INVALID_PARAMS"),
        ("BEFORE #a * 5", "INVALID_PARAMS"),
        ("BEFORE #a msgid=a/x 5", "INVALID_PARAMS"),
        ("BEFORE #a msgid=b/1 5", "INVALID_PARAMS"),
        ("BEFORE #a timestamp=yesterday 5", "INVALID_PARAMS"),
        ("BEFORE #a timestamp=2026-13-01T00:00:00.000Z 5", "INVALID_PARAMS"),
        ("BEFORE #a seq=5 5", "INVALID_MSGREFTYPE"),
        ("LATEST #none * 5", "INVALID_TARGET"),
        ("LATEST nobody * 5", "INVALID_TARGET"),
    ],
)
def test_mistakes(reader: IrcPeer, query: str, code: str) -> None:
    """A FAIL with the subcommand it is about."""
    (heard,) = reader.ask(f"CHATHISTORY {query}")
    assert (heard.command, heard.params[:2]) == ("FAIL", ("CHATHISTORY", code))
    assert heard.params[2] == (query.split() or ["*"])[0]


def test_a_room_in_which_one_is_not(house: House, irc: IrcHouse) -> None:
    """Its history is not told; nor what is said to one person, which is not kept."""
    house.enter("bob", "b").say("b", "for us alone")
    ana = irc.enter("ana", capabilities=HAS)
    (heard,) = ana.ask("CHATHISTORY LATEST #b * 5")
    assert heard.params[:4] == ("CHATHISTORY", "INVALID_TARGET", "LATEST", "#b")
    assert [heard.command for heard in ana.ask("CHATHISTORY LATEST bob * 5")] == ["BATCH", "BATCH"]


def test_at_most_a_hundred(house: House, irc: IrcHouse) -> None:
    """However many are asked for, over several pages."""
    bob = house.enter("bob", "a")
    for number in range(130):
        bob.post("say", room="a", text=f"{number} {'x' * 3900}")
    bob.say("a", "end")
    ana = irc.enter("ana", "#a", capabilities=HAS)
    found = ana.ask("CHATHISTORY LATEST #a * 1000")
    named = [heard.tags["msgid"] for heard in found if "msgid" in heard.tags]
    assert named == [f"a/{seq}" for seq in range(32, 132)]


def test_without_batches(house: House, irc: IrcHouse) -> None:
    """The lines come plainly; a mistake is a notice, without standard replies."""
    house.enter("bob", "a").say("a", "hello")
    ana = irc.enter("ana", "#a")
    assert [heard.command for heard in ana.ask("CHATHISTORY LATEST #a * 5")] == ["PRIVMSG"]
    assert [heard.command for heard in ana.ask("CHATHISTORY")] == ["NOTICE"]


def test_a_label_is_on_the_batch_of_history() -> None:
    """There is no batch around it: IRCv3 lets the fitting type be that of the response."""
    with running_server() as server, House(server) as house, irc_house(house.address) as irc:
        ana = irc.enter("ana", "#a", capabilities=(*HAS, "labeled-response"))
        for selection in ("LATEST #a * 1", "LATEST #a * 5"):
            ana.send(f"@label=x CHATHISTORY {selection}", "PRIVMSG #a :hello")
            found = ana.sync()
            assert found[0].params[1:] == ("chathistory", "#a")
            assert [heard.tags.get("label") for heard in found] == ["x", *[None] * (len(found) - 1)]
