"""What every log engine does. Another engine is one more parameter of `open_log`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_server.storage.interface import Entry, RequestKey, RoomLog
from chat_server.storage.sqlite.log import SqliteLog
from protocol.messages import Message
from tests.chat_server.storage.logs import SESSION, Opened, append, entry, numbered, seqs_of
from tests.support.redis_server import needs_redis


def sqlite(folder: Path) -> Opened:
    """The engine on a SQLite file."""

    @contextmanager
    def opened() -> Iterator[RoomLog]:
        log = SqliteLog(folder)
        try:
            yield log
        finally:
            log.close()

    return opened


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("redis", marks=needs_redis),
        pytest.param("cluster", marks=[needs_redis, pytest.mark.long]),
    ]
)
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Opens an engine that holds nothing yet."""
    if request.param == "sqlite":
        return sqlite(tmp_path)
    empty: Opened = request.getfixturevalue(f"empty_{request.param}_log")
    return empty


@pytest.fixture
def log(open_log: Opened) -> Iterator[RoomLog]:
    """An engine that holds nothing yet."""
    with open_log() as opened:
        yield opened


def followed(log: RoomLog, room: str, seq: int = 0) -> list[Message]:
    """Follow a room's log from behind `seq` to its end."""
    found: list[Message] = []
    while messages := log.follow(room, seq):
        found += messages
        seq = messages[-1].seq
    return found


def whole(log: RoomLog, room: str) -> list[Message]:
    """Read all that is kept of a room."""
    return log.after(room, 0, 100_000)


# -- append ---------------------------------------------------------------------------------------


def test_the_engine_numbers_what_is_appended(log: RoomLog) -> None:
    """From 1 on, in the order given, and on where the last batch ended."""
    first = [entry("one", request=1), entry("two", request=2, kind="action", bot=True)]
    second = [entry("three", request=3, time=1001.5, from_="eva")]
    assert append(log, *first) == [1, 2]
    assert append(log, *second) == [3]
    assert whole(log, "lobby") == numbered([*first, *second], 1)


def test_rooms_are_numbered_apart(log: RoomLog) -> None:
    """One batch may hold entries of several rooms, mixed; each room has its own numbers."""
    garden = RequestKey(2, 7)
    batch = [
        entry("a", room="lobby", request=1),
        entry("b", room="garden", request=garden),
        entry("c", room="lobby", request=2),
    ]
    assert append(log, *batch) == [1, 1, 2]
    assert append(log, entry("d", room="garden", request=3)) == [2]
    assert [m.text for m in whole(log, "lobby")] == ["a", "c"]
    assert [m.text for m in whole(log, "garden")] == ["b", "d"]
    assert log.find_request("garden", garden.session, garden.id) == 1


def test_numbers_go_on_after_a_restart(open_log: Opened) -> None:
    """And what was stored is there."""
    with open_log() as log:
        append(log, entry("one", request=1))
    with open_log() as log:
        assert append(log, entry("two", request=2)) == [2]
        assert [(m.seq, m.text) for m in whole(log, "lobby")] == [(1, "one"), (2, "two")]


def test_a_request_is_stored_once(log: RoomLog) -> None:
    """Sent again it keeps its number, in a later batch and within one; nothing else is moved."""
    assert append(log, entry("one", request=1)) == [1]
    again = [entry("two", request=2), entry("one", request=1), entry("two", request=2)]
    assert append(log, *again) == [2, 1, 2]
    assert append(log, entry("one", request=1), entry("three", request=3)) == [1, 3]
    assert [m.text for m in whole(log, "lobby")] == ["one", "two", "three"]
    assert [m.text for m in followed(log, "lobby")] == ["one", "two", "three"]


def test_the_same_id_of_another_session_is_another_request(log: RoomLog) -> None:
    """Ids are a session's own."""
    batch = [entry("one", request=RequestKey(session, 1)) for session in (1, 2, 3)]
    assert append(log, *batch) == [1, 2, 3]
    assert [log.find_request("lobby", session, 1) for session in (1, 2, 3, 4)] == [1, 2, 3, None]


def test_one_request_may_leave_a_notice_in_many_rooms(log: RoomLog) -> None:
    """Once in each; and it is not mistaken for something that the session said."""
    notice = RequestKey(5, 9, per_room=True)
    rooms = ("lobby", "garden")
    for _ in range(2):
        batch = [entry("Lunch", room=room, request=notice, kind="notice") for room in rooms]
        assert append(log, *batch) == [1, 1]
    assert log.find_notices(5, 9) == set(rooms)
    assert log.find_notices(5, 8) == log.find_notices(4, 9) == set()
    assert log.find_request("lobby", 5, 9) is None
    assert append(log, entry("mine", request=RequestKey(5, 9))) == [2]
    assert log.find_request("lobby", 5, 9) == 2


def edit(seq: int, text: str, request: int) -> Entry:
    return entry(text, request=request, kind="edit", changes=seq)


def deletion(seq: int, request: int) -> Entry:
    return entry("deleted it", request=request, kind="delete", changes=seq)


def test_a_change_leaves_the_latest_state(open_log: Opened) -> None:
    """Of the message and of the edits before it, for all who read; after a restart as well."""
    with open_log() as log:
        append(log, entry("one", request=1), entry("two", request=2, bot=True))
        append(log, edit(2, "new", 3))
        append(log, edit(2, "newer", 4))
        found = whole(log, "lobby")
        assert [m.text for m in found] == ["one", "newer", "newer", "newer"]
        assert [m.edited for m in found] == [False, True, False, False]
        append(log, deletion(2, 5))
        assert [m.text for m in log.follow("lobby", 4)] == ["deleted it"]
    with open_log() as log:
        gone = "(deleted)"
        found = whole(log, "lobby")
        assert [m.text for m in found] == ["one", gone, gone, gone, "deleted it"]
        assert [m.deleted for m in found] == [False, True, True, True, False]
        assert found[1].bot
        said = log.said("lobby", 2)
        assert said is not None
        assert (said.message.text, said.session, said.edits) == (gone, SESSION, 3)
        assert log.said("lobby", 9) is None
        assert log.said("nowhere", 1) is None


@pytest.mark.parametrize("again", [False, True])
def test_changes_of_one_batch_follow_each_other(log: RoomLog, again: bool) -> None:
    """An edit behind a deletion says nothing, and is stored as that: it was under way."""
    append(log, entry("one", request=1), entry("two", request=2))
    more = [entry("two", request=2)] if again else []  # then each is stored by itself
    batch = [edit(1, "new", 3), deletion(1, 4), edit(1, "again", 5), deletion(1, 6)]
    append(log, *batch, *more)
    texts = [m.text for m in whole(log, "lobby")]
    gone = "(deleted)"
    assert texts == [gone, "two", gone, "deleted it", gone, "deleted it"]
    assert "again" not in str(log.follow("lobby", 2))


def test_a_request_that_was_changed_is_still_found(log: RoomLog) -> None:
    """Sent again it keeps its number, and changes nothing a second time."""
    append(log, entry("one", request=1))
    assert append(log, edit(1, "new", 2)) == [2]
    assert append(log, edit(1, "new", 2), entry("one", request=1)) == [2, 1]
    assert [m.text for m in whole(log, "lobby")] == ["new", "new"]


def test_what_is_searched_is_the_latest_text(log: RoomLog) -> None:
    """Whether the search comes before the change, between changes, or after them all."""
    append(log, *(entry(f"apple {n}", request=n) for n in (1, 2, 3)))

    def found(word: str) -> list[int]:
        return [m.seq for m in log.search("lobby", word, None, 10)]

    append(log, edit(1, "pear", 4))
    assert (found("apple"), found("pear")) == ([2, 3], [1])
    append(log, edit(1, "plum", 5), edit(2, "plum", 6), deletion(3, 7))
    append(log, deletion(2, 8))
    assert [found(word) for word in ("apple", "pear", "plum", "deleted")] == [[], [], [1], []]
    append(log, deletion(1, 9))
    log.prune(2, None)  # before anybody has searched since
    assert [found(word) for word in ("plum", "apple")] == [[], []]
    append(log, entry("plum", request=10))
    assert found("plum") == [10]


def test_a_notice_that_nobody_asked_for_is_always_new(log: RoomLog) -> None:
    """It has no request that could come again."""
    for number in (1, 2, 3):
        batch = [entry("over", room=room, kind="notice") for room in ("lobby", "garden")]
        assert append(log, *batch) == [number, number]


UNSTORABLE = entry("half an emoji: \ud83d", request=100)


@pytest.mark.parametrize("place", [0, 1, 3])
def test_what_can_never_be_stored_takes_nothing_with_it(log: RoomLog, place: int) -> None:
    """Its number is None; the others, in its room and in others, are stored without a gap."""
    batch = [
        entry("one", request=1),
        entry("two", room="garden", request=2),
        entry("three", request=3),
    ]
    batch.insert(place, UNSTORABLE)
    seqs = append(log, *batch)
    assert seqs.pop(place) is None
    assert seqs == [1, 1, 2]
    assert append(log, UNSTORABLE) == [None]
    assert append(log, entry("four", request=4)) == [3]
    assert [m.text for m in followed(log, "lobby")] == ["one", "three", "four"]


def test_a_topic_is_the_last_one_said(log: RoomLog) -> None:
    """Within a batch and over several."""
    append(log, entry("a", kind="topic", request=1), entry("b", kind="topic", request=2))
    append(log, entry("hello", request=3))
    append(log, entry("c", room="garden", kind="topic", request=4))
    assert sorted(log.rooms()) == [("garden", "c", 1, False), ("lobby", "b", 3, False)]


def test_many_threads_append_at_once(log: RoomLog) -> None:
    """Numbers are dense, each is given once, and each batch stands in one piece and in order."""
    outcomes: dict[str, list[list[int | None]]] = {}

    def work(name: str) -> None:
        outcomes[name] = []
        for number in range(0, 60, 3):
            batch = [
                entry(f"{name} {number + each}", request=RequestKey(int(name), number + each))
                for each in (1, 2, 3)
            ]
            outcomes[name].append(seqs_of(log.append(batch)))

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [seqs for batches in outcomes.values() for seqs in batches]
    assert all(seqs[0] is not None for seqs in given)
    assert all(seqs == [seqs[0], seqs[0] + 1, seqs[0] + 2] for seqs in given if seqs[0])
    assert sorted(seq for seqs in given for seq in seqs if seq) == list(range(1, 241))
    said = {m.seq: m.text for m in whole(log, "lobby")}
    for name, batches in outcomes.items():
        own = [said[seq] for seqs in batches for seq in seqs if seq]
        assert own == [f"{name} {number}" for number in range(1, 61)]


# -- follow ---------------------------------------------------------------------------------------


def test_following_gives_all_that_was_appended_once(log: RoomLog) -> None:
    """From where the follower is; nothing for one who has it all, or for an unknown room."""
    batches = [[entry(f"{n}", request=n)] for n in range(1, 6)]
    seen: list[Message] = []
    for batch in batches:
        append(log, *batch)
        news = log.follow("lobby", len(seen))
        assert news == numbered(batch, len(seen) + 1)
        seen += news
        assert log.follow("lobby", len(seen)) == []
    assert log.follow("garden", 0) == []
    assert log.follow("lobby", 99) == []


def test_a_follower_that_comes_late_misses_nothing(open_log: Opened) -> None:
    """Batches that nobody followed, and what an earlier run stored."""
    with open_log() as log:
        append(log, entry("one", request=1), entry("two", request=2))
    with open_log() as log:
        append(log, entry("three", request=3))
        append(log, entry("four", request=4))
        assert [m.text for m in followed(log, "lobby")] == ["one", "two", "three", "four"]
        assert [m.text for m in followed(log, "lobby", 1)] == ["two", "three", "four"]
        assert [m.text for m in followed(log, "lobby", 3)] == ["four"]


def test_a_long_way_back_comes_in_pieces(log: RoomLog) -> None:
    """In order and whole, however long the log is."""
    append(log, *[entry(f"{n}", request=n) for n in range(1, 2501)])
    append(log, entry("2501", request=2501))
    assert [m.seq for m in followed(log, "lobby")] == list(range(1, 2502))


def test_rooms_are_followed_apart(log: RoomLog) -> None:
    """One batch of two rooms is news in each of them."""
    append(log, entry("a", request=1), entry("b", room="garden", request=2))
    assert [m.text for m in log.follow("garden", 0)] == ["b"]
    assert [m.text for m in log.follow("lobby", 0)] == ["a"]


# -- reading --------------------------------------------------------------------------------------


@pytest.fixture
def ten(log: RoomLog) -> RoomLog:
    """A log with ten messages in the lobby, and one on each side of it."""
    append(log, entry("before", room="a", request=100))
    append(log, *[entry(f"word{n}", request=n, time=1000.0 + n) for n in range(1, 11)])
    append(log, entry("behind", room="z", request=101))
    return log


@pytest.mark.parametrize(
    ("seq", "limit", "found"),
    [(0, 3, [1, 2, 3]), (7, 5, [8, 9, 10]), (10, 5, []), (2**60, 5, []), (0, 100, [*range(1, 11)])],
)
def test_after(ten: RoomLog, seq: int, limit: int, found: list[int]) -> None:
    """Those next to it, ascending."""
    assert [m.seq for m in ten.after("lobby", seq, limit)] == found


@pytest.mark.parametrize(
    ("seq", "limit", "found"),
    [(None, 3, [8, 9, 10]), (4, 2, [2, 3]), (1, 5, []), (2**60, 2, [9, 10]), (3, 9, [1, 2])],
)
def test_before(ten: RoomLog, seq: int | None, limit: int, found: list[int]) -> None:
    """Those next to it, ascending."""
    assert [m.seq for m in ten.before("lobby", seq, limit)] == found


def test_a_page_ends_when_it_is_full(ten: RoomLog) -> None:
    """With the message that no longer fits, from both ends."""
    assert [m.seq for m in ten.after("lobby", 0, 10, 12)] == [1, 2, 3]
    assert [m.seq for m in ten.before("lobby", None, 10, 12)] == [8, 9, 10]
    assert [m.seq for m in ten.search("lobby", "word", None, 10, 12)] == [8, 9, 10]


def test_an_unknown_room_is_empty(ten: RoomLog) -> None:
    """Reading from it is no mistake."""
    assert ten.after("nowhere", 0, 5) == ten.before("nowhere", None, 5) == []
    assert ten.search("nowhere", "word", None, 5) == []
    assert ten.oldest("nowhere") is None


def test_search(ten: RoomLog) -> None:
    """All words, in this room, the last ones before a number; also what came since the last one."""
    assert [m.seq for m in ten.search("lobby", "word", None, 3)] == [8, 9, 10]
    assert [m.seq for m in ten.search("lobby", "word", 4, 5)] == [1, 2, 3]
    assert [m.seq for m in ten.search("lobby", "word7", None, 5)] == [7]
    assert ten.search("lobby", "word nothing", None, 5) == []
    append(ten, entry("another word", request=11))
    assert [m.seq for m in ten.search("lobby", "another word", None, 5)] == [11]


# -- what goes ------------------------------------------------------------------------------------


def test_prune_by_number(ten: RoomLog) -> None:
    """The newest of each room stay; the oldest that is kept is named, and not searched."""
    assert ten.oldest("lobby") is None
    assert ten.prune(4, None) == 6
    assert ten.oldest("lobby") == 7
    assert ten.oldest("a") is None
    assert [m.seq for m in whole(ten, "lobby")] == [7, 8, 9, 10]
    assert [m.seq for m in ten.search("lobby", "word", None, 10)] == [7, 8, 9, 10]
    assert ten.prune(4, None) == 0


def test_prune_by_age(ten: RoomLog) -> None:
    """Messages from before a time go. One with an impossible date goes with those behind it."""
    assert ten.prune(None, 1004.0) == 3 + 2  # and what the other two rooms have, of 1000
    assert [m.seq for m in whole(ten, "lobby")] == list(range(4, 11))
    append(ten, entry("wrong clock", room="b", request=50, time=9_000_000.0))
    append(ten, entry("old", room="b", request=51, time=1001.0))
    append(ten, entry("new", room="b", request=52, time=1008.0))
    assert ten.prune(None, 1004.0, 2000.0) == 2
    assert [m.text for m in whole(ten, "b")] == ["new"]


def test_numbers_go_on_when_all_is_pruned(open_log: Opened) -> None:
    """Also after a restart. The room is empty then, and known."""
    with open_log() as log:
        append(log, *[entry(request=n) for n in range(1, 4)])
        assert log.prune(None, 2000.0) == 3
        assert log.oldest("lobby") == 4
    with open_log() as log:
        assert log.oldest("lobby") == 4
        assert log.rooms() == [("lobby", "", 3, True)]
        assert append(log, entry(request=4)) == [4]


def test_a_removed_room_is_empty_and_its_numbers_go_on(ten: RoomLog) -> None:
    """At once, before upkeep deletes anything, and after it; other rooms keep what they have."""
    ten.search("lobby", "word", None, 1)
    ten.remove_room("lobby")
    assert ten.maintenance_due.is_set()
    for _ in range(2):
        assert whole(ten, "lobby") == ten.search("lobby", "word", None, 5) == []
        assert ten.oldest("lobby") == 11
        ten.maintain(lambda: False)
    assert append(ten, entry("word", request=11)) == [11]
    assert [m.seq for m in followed(ten, "lobby", 10)] == [11]
    assert [m.text for m in whole(ten, "a") + whole(ten, "z")] == ["before", "behind"]
    ten.remove_room("nowhere")


def test_upkeep_stops_when_it_is_asked_to(ten: RoomLog) -> None:
    """It is asked before each portion, so a stop waits for one at most."""
    ten.remove_room("lobby")
    asked = []

    def stopping() -> bool:
        asked.append(1)
        return True

    ten.maintain(stopping)
    assert asked == [1]


# -- the rest -------------------------------------------------------------------------------------


def test_a_log_keeps_its_name(open_log: Opened) -> None:
    """Over restarts, as long as no number is given out again."""
    with open_log() as log:
        name = log.name
        append(log, entry(request=1))
        assert log.common("lobby", name, 1) is None
        assert log.common("lobby", "another", 1) == 0
    with open_log() as log:
        assert log.name == name


def test_the_confirmed_date_is_kept(open_log: Opened) -> None:
    """Each in place of the one before; and the newest message is no later than asked for."""
    with open_log() as log:
        assert log.confirmed_date() is None
        assert log.newest_time(5000.0) is None
        append(log, entry(request=1, time=1000.0), entry(room="b", request=2, time=3000.0))
        assert log.newest_time(5000.0) == 3000.0
        assert log.newest_time(2000.0) == 1000.0
        log.keep_confirmed_date(1.5)
        log.keep_confirmed_date(2.5)
    with open_log() as log:
        assert log.confirmed_date() == 2.5
