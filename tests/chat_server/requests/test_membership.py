"""Joining and leaving rooms, where reading begins, and who is in a room."""

import random
import threading
from typing import Any

import pytest

from tests.chat_server.house import House, all_pages, seqs, texts
from tests.support.peer import Peer
from tests.support.servers import address_of, running_server


def test_the_first_join_makes_the_room(house: House) -> None:
    """`ok` with room, seq, members and topic; an empty room's log is at 0."""
    ok = house.enter("ada").join("lobby")
    shown = {name: ok.get(name) for name in ("room", "seq", "members", "topic")}
    assert shown == {"room": "lobby", "seq": 0, "members": 1, "topic": ""}


def test_a_join_tells_where_the_log_is_and_how_many_are_there(house: House) -> None:
    """`seq` is the last message's, `members` counts oneself."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", "one")
    ada.say("lobby", "two")
    ok = house.enter("eva").join("lobby")
    assert (ok["seq"], ok["members"]) == (2, 2)


def test_who_left_hears_nothing_more(house: House) -> None:
    """After the ok to leave, the room is over for that client; the other room is not."""
    ada, eva = house.enter("ada", "lobby", "garden"), house.enter("eva", "lobby", "garden")
    ada.ok("leave", room="lobby")
    eva.say("lobby", "psst")
    eva.say("garden", "hello")
    assert texts(ada.messages(1)) == ["hello"]
    assert not [frame for frame in ada.queue if frame["type"] == "message"]
    ada.refused("not_in_room", "say", room="lobby", text="hi")
    ada.refused("not_in_room", "leave", room="lobby")


def test_a_room_can_be_joined_again(house: House) -> None:
    """Leaving is not for ever, and the log went on meanwhile."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    ada.ok("leave", room="lobby")
    eva.say("lobby", "one")
    assert ada.join("lobby")["seq"] == 1
    eva.say("lobby", "two")
    assert texts(ada.messages(1)) == ["two"]


def test_joining_twice_does_not_deliver_twice(house: House) -> None:
    """Exactly once, however often one asked to be there."""
    ada = house.enter("ada", "lobby", "lobby")
    for text in ("one", "two", "three"):
        ada.say("lobby", text)
    assert texts(ada.messages(3)) == ["one", "two", "three"]
    ada.ping()
    assert not [frame for frame in ada.queue if frame["type"] == "message"]
    assert ada.page("who", room="lobby")["members"] == ["ada"]


def test_joining_again_with_after_moves_the_cursor(house: House) -> None:
    """`after` means the same for who is in the room already: what follows S follows the ok."""
    ada = house.enter("ada", "lobby")
    for text in ("one", "two", "three"):
        ada.say("lobby", text)
    assert seqs(ada.messages(3)) == [1, 2, 3]
    ada.join("lobby", after=1)
    assert seqs(ada.messages(2)) == [2, 3]
    ada.say("lobby", "four")
    assert seqs(ada.messages(1)) == [4]


def test_who_names_the_members_in_order(house: House) -> None:
    """Nicks, sorted; those of this room alone."""
    for nick in ("zoe", "eva", "bob"):
        house.enter(nick, "lobby")
    house.enter("max", "garden")
    page = house.enter("ada", "lobby").page("who", room="lobby")
    assert page["members"] == ["ada", "bob", "eva", "zoe"]
    assert page["more"] is False


def test_who_goes_on_behind_a_nick(house: House) -> None:
    """`after` is a nick; it need not be there any more."""
    for nick in ("zoe", "eva", "bob"):
        house.enter(nick, "lobby")
    ada = house.enter("ada", "lobby")
    assert ada.page("who", room="lobby", after="bob")["members"] == ["eva", "zoe"]
    assert ada.page("who", room="lobby", after="carl")["members"] == ["eva", "zoe"]
    assert ada.page("who", room="lobby", after="zoe")["members"] == []


@pytest.mark.long
def test_who_is_paged_when_it_does_not_fit_a_frame(house: House) -> None:
    """All members are named once, over as many pages as it takes."""
    wide = {"🦊" * 28 + f"{number:04}" for number in range(600)}
    for nick in wide:
        house.enter(nick, "lobby")
    ada = house.enter("ada", "lobby")
    pages = all_pages(ada, "who", lambda page: page["members"][-1], room="lobby")
    named = [nick for page in pages for nick in page["members"]]
    assert set(named) == wide | {"ada"}
    assert len(named) == 601
    assert len(pages) == 2


def test_rooms_lists_them_in_order(house: House) -> None:
    """Name, members and topic of each."""
    ada = house.enter("ada", "zoo", "bar", "lobby")
    house.enter("eva", "bar")
    ada.ok("topic", room="bar", topic="Open")
    page = ada.page("rooms")
    assert page["rooms"] == [
        {"room": "bar", "members": 2, "topic": "Open"},
        {"room": "lobby", "members": 1, "topic": ""},
        {"room": "zoo", "members": 1, "topic": ""},
    ]
    assert page["more"] is False


def test_rooms_goes_on_behind_a_room(house: House) -> None:
    """`after` is a room."""
    ada = house.enter("ada", "zoo", "bar", "lobby")
    assert [entry["room"] for entry in ada.page("rooms", after="bar")["rooms"]] == ["lobby", "zoo"]
    assert ada.page("rooms", after="zoo")["rooms"] == []


def test_rooms_is_paged_when_it_does_not_fit_a_frame(house: House) -> None:
    """Ten topics of 16,000 bytes each take three pages of four, four and two."""
    names = [f"room{number}" for number in range(10)]
    ada = house.enter("ada", *names)
    for name in names:
        ada.ok("topic", room=name, topic="🦊" * 4000)
    pages = all_pages(ada, "rooms", lambda page: page["rooms"][-1]["room"])
    assert [entry["room"] for page in pages for entry in page["rooms"]] == names
    assert [len(page["rooms"]) for page in pages] == [4, 4, 2]


def test_a_client_is_in_so_many_rooms_and_no_more() -> None:
    """`too_many_rooms` is not fatal. Joining a room again does not count."""
    with running_server(rooms_per_client=3) as server, House(server) as house:
        ada = house.enter("ada", "one", "two", "three")
        error = ada.refused("too_many_rooms", "join", room="four")
        assert "3" in error["text"]
        ada.join("two")
        ada.ok("leave", room="one")
        ada.join("four")
        ada.refused("not_in_room", "say", room="one", text="hi")


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
