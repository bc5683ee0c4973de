"""A join places a cursor in the log; what follows it comes in one unbroken sequence."""

import random
import threading
from typing import Any

import pytest

from tests.chat_server.house import House, seqs
from tests.support.peer import Peer
from tests.support.servers import address_of, running_server


@pytest.fixture
def ada(house: House) -> Peer:
    """Somebody in a room with ten messages."""
    ada = house.enter("ada", "lobby")
    for number in range(1, 11):
        ada.say("lobby", f"line {number}")
    return ada


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, []),
        ({"after": 10}, []),
        ({"after": 7}, [8, 9, 10]),
        ({"after": 0}, list(range(1, 11))),
        ({"history": 0}, []),
        ({"history": 1}, [10]),
        ({"history": 4}, [7, 8, 9, 10]),
        ({"history": 10}, list(range(1, 11))),
        ({"history": 1000}, list(range(1, 11))),
    ],
)
def test_a_join_places_a_cursor(
    house: House, ada: Peer, members: dict[str, int], expected: list[int]
) -> None:
    """after S: S+1, S+2, ...; history n: the last n; neither: only new ones. Then live ones."""
    eva = house.enter("eva")
    assert eva.join("lobby", **members)["seq"] == 10
    assert not [frame for frame in eva.queue if frame["type"] == "message"], "before the ok"
    ada.say("lobby", "new")
    assert seqs(eva.messages(len(expected) + 1)) == [*expected, 11]


def test_a_cursor_beyond_the_end_waits_for_what_is_new(house: House, ada: Peer) -> None:
    """A client that saw more than there is (another data folder) hears the living."""
    eva = house.enter("eva")
    eva.join("lobby", after=5000)
    ada.say("lobby", "new")
    (message,) = eva.messages(1)
    assert message["text"] == "new"


@pytest.mark.parametrize(
    "members", [{"after": -1}, {"history": -1}, {"after": "1"}, {"after": 1.5}]
)
def test_a_cursor_is_a_number_from_0(house: House, members: dict[str, Any]) -> None:
    """bad_request, and one is not in the room."""
    eva = house.enter("eva")
    eva.refused("bad_request", "join", room="lobby", **members)
    eva.refused("not_in_room", "say", room="lobby", text="hi")


def _chatter(peer: Peer, count: int) -> None:
    for number in range(count):
        peer.post("say", room="lobby", text=f"{number}")


@pytest.mark.parametrize("seed", range(3))
def test_joins_while_others_talk_miss_nothing(house: House, seed: int) -> None:
    """From the cursor to the last message: no gap, nothing twice, whenever one comes in."""
    talkers = [house.enter(f"talker{n}", "lobby") for n in range(3)]
    each, total = 700, 2100
    threads = [threading.Thread(target=_chatter, args=(peer, each)) for peer in talkers]
    for thread in threads:
        thread.start()
    source = random.Random(seed)
    joined = [_join_somewhere(house, n, source) for n in range(20)]
    for thread in threads:
        thread.join()
    for peer, first in joined:
        assert seqs(peer.messages(total - first)) == list(range(first + 1, total + 1))


def _join_somewhere(house: House, number: int, source: random.Random) -> tuple[Peer, int]:
    """Join with after, history or neither; return the peer and the seq that its cursor is at."""
    peer = house.enter(f"late{number}")
    choice = source.randrange(3)
    if choice == 0:
        after = source.randrange(50)
        seq = peer.join("lobby", after=after)["seq"]
        return peer, min(after, seq)
    if choice == 1:
        count = source.randrange(300)
        seq = peer.join("lobby", history=count)["seq"]
        return peer, max(0, seq - count)
    return peer, peer.join("lobby")["seq"]


def test_leaving_and_joining_while_others_talk_misses_nothing(house: House) -> None:
    """Somebody who comes and goes with `after` reads one unbroken log."""
    talker, reader = house.enter("talker", "lobby"), house.enter("reader")
    thread = threading.Thread(target=_chatter, args=(talker, 1500))
    thread.start()
    last = 0
    while last < 1500:
        reader.join("lobby", after=last)
        for message in reader.messages(min(40, 1500 - last)):
            assert message["seq"] == last + 1
            last += 1
        reader.ok("leave", room="lobby")
        # What was on its way when the leave was read belongs to the cursor that is over.
        late = [frame for frame in reader.queue if frame["type"] == "message"]
        assert seqs(late) == list(range(last + 1, last + 1 + len(late)))
        last += len(late)
        reader.queue.clear()
    thread.join()


def test_the_seq_goes_on_after_a_restart(tmp_path: Any) -> None:
    """Kept across restarts: no number twice, none left out, the old cursor still good."""
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        assert [ada.say("lobby", f"{n}") for n in range(5)] == [1, 2, 3, 4, 5]
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada")
        assert ada.join("lobby", after=3)["seq"] == 5
        assert ada.say("lobby", "again") == 6
        assert seqs(ada.messages(3)) == [4, 5, 6]
