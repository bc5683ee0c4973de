"""Polls on two servers: one a room, one vote a person, and one result, whoever is asked."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server.house import House, whole_log
from tests.chat_server.moderation.several_servers import Pair, pair_of_servers
from tests.support.peer import Frame, Peer
from tests.support.redis_server import needs_redis
from tests.support.servers import running_server
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]

WANTED: dict[str, Any] = {"room": "lobby", "question": "Is it?", "options": ["yes", "no"]}


@pytest.fixture
def pair(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Pair]:
    """Neither server makes a mistake that it survives."""
    with pair_of_servers(tmp_path) as opened:
        yield opened
    assert [record for record in caplog.get_records("call") if record.exc_info] == []


def results(peer: Peer) -> list[list[int]]:
    """The counts of all results in the lobby's log."""
    return counts_in(whole_log(peer, "lobby"))


def counts_in(messages: list[Frame]) -> list[list[int]]:
    polls = [message.get("poll", {}) for message in messages]
    return [poll["counts"] for poll in polls if "counts" in poll]


def counts(*wanted: int) -> Any:
    """What tells the asker these counts."""
    return lambda frame: frame["type"] == "poll" and frame.get("counts") == list(wanted)


def is_open(frame: Frame) -> bool:
    return frame["type"] == "poll" and bool(frame["open"])


def test_a_poll_from_its_question_to_its_result(pair: Pair) -> None:
    """Asked on one server, voted on both, ended on the other; the asker sees the counts."""
    bob, zoe = pair.houses[0].enter("bob", "lobby"), pair.houses[1].enter("zoe", "lobby")
    pair.ada.ok("poll", **WANTED)
    assert zoe.take(is_open)["question"] == "Is it?"
    bob.ok("vote", room="lobby", choice=1)
    zoe.ok("vote", room="lobby", choice=1)
    pair.ada.take(counts(2, 0))
    zoe.ok("vote", room="lobby", choice=2)
    pair.ada.take(counts(1, 1))
    late = pair.houses[1].enter("late", "lobby")
    assert late.take(is_open)["options"] == ["yes", "no"]
    pair.mia.ok("end_poll", room="lobby")
    for peer in (pair.ada, pair.mia):
        eventually(lambda each=peer: results(each) == [[1, 1]])  # type: ignore[misc]
        peer.take(lambda frame: frame["type"] == "poll" and not frame["open"])
    for peer in (bob, zoe):
        assert peer.request("vote", room="lobby", choice=1)["code"] == "forbidden"
    assert [each["kind"] for each in whole_log(zoe, "lobby")] == ["poll", "poll"]


def test_one_poll_is_open_on_both_together(pair: Pair) -> None:
    """Whoever asks at the same moment; and those in charge on the other server keep others."""
    asked = [each.post("poll", **WANTED) for each in (pair.ada, pair.mia)]
    replies = [peer.reply(id_) for peer, id_ in zip((pair.ada, pair.mia), asked, strict=True)]
    assert sorted(each["type"] for each in replies) == ["error", "ok"]
    assert [each.get("code") for each in replies].count("forbidden") == 1
    pair.mia.ok("end_poll", room="lobby")
    pair.ada.ok("leave", room="lobby")
    bob = pair.houses[0].enter("bob", "lobby")
    pair.ada.join("lobby")
    pair.knows("lobby", "bob", "mia")
    pair.ada.ok("leave", room="lobby")
    assert "mia is in charge" in bob.request("poll", **WANTED)["text"]


def test_one_account_is_one_vote_on_both(pair: Pair) -> None:
    """The later one counts, wherever it was given."""
    zoe = pair.houses[1].enter("zoe", "lobby")
    zoe.ok("register", password="correct horse")
    pair.ada.ok("poll", **WANTED)
    zoe.ok("vote", room="lobby", choice=1)
    pair.ada.take(counts(1, 0))
    zoe.reset()

    def log_in() -> Peer | None:
        other = pair.houses[0].connect()
        hello = other.hello("zoe", account_password="correct horse")
        return other if hello["type"] == "welcome" else None

    other = eventually(log_in)
    assert other is not None
    other.join("lobby")
    assert other.take(is_open)["choice"] == 1
    other.ok("vote", room="lobby", choice=2)
    pair.ada.take(counts(0, 1))
    pair.ada.ok("end_poll", room="lobby")
    assert results(pair.ada) == [[0, 1]]


def test_a_vote_and_a_question_go_along_to_the_other_server(pair: Pair) -> None:
    """Who resumes there sees what they voted for, and who asked how all have."""
    zoe = pair.houses[1].enter("zoe", "lobby")
    pair.mia.ok("poll", **WANTED)
    zoe.ok("vote", room="lobby", choice=2)
    pair.mia.take(counts(0, 1))
    zoe.reset()
    back = pair.come_back(0, zoe, "lobby")
    assert back.take(is_open)["choice"] == 2
    pair.mia.reset()
    mia = pair.come_back(0, pair.mia, "lobby")
    mia.take(counts(0, 1))
    back.ok("vote", room="lobby", choice=1)
    mia.take(counts(1, 0))
    mia.ok("end_poll", room="lobby")
    assert results(mia) == [[1, 0]]


def test_what_is_confirmed_is_in_the_result_and_nothing_else(pair: Pair) -> None:
    """Also where votes on both servers meet the end of the poll."""
    voters = [pair.houses[number % 2].enter(f"n{number}", "lobby") for number in range(20)]
    pair.ada.ok("poll", **WANTED)
    confirmed = []

    def vote(voter: Peer) -> None:
        if voter.request("vote", room="lobby", choice=1)["type"] == "ok":
            confirmed.append(voter)

    threads = [threading.Thread(target=vote, args=(voter,)) for voter in voters]
    for thread in threads:
        thread.start()
    eventually(lambda: confirmed)
    pair.mia.ok("end_poll", room="lobby")
    for thread in threads:
        thread.join()
    assert results(pair.mia) == [[len(confirmed), 0]]


def test_nothing_of_it_is_done_while_redis_is_away(pair: Pair) -> None:
    """It is refused, and counts when it is sent again."""
    zoe = pair.houses[1].enter("zoe", "lobby")
    pair.ada.ok("poll", **WANTED)
    zoe.take(is_open)
    pair.redis.kill()
    assert zoe.request("vote", room="lobby", choice=1)["code"] == "unavailable"
    assert pair.mia.request("end_poll", room="lobby")["code"] == "unavailable"
    pair.redis.start_again()
    eventually(lambda: zoe.request("vote", room="lobby", choice=2)["type"] == "ok")

    def ended() -> bool:
        pair.mia.request("end_poll", room="lobby")  # it may be done though the answer is no
        log = pair.ada.request("history", room="lobby", after=0)  # Redis may be away there
        return counts_in(log.get("messages", [])) == [[0, 1]]

    eventually(ended)


def test_one_that_comes_later_counts_the_same(pair: Pair, tmp_path: Path) -> None:
    """The question and the votes so far."""
    zoe = pair.houses[1].enter("zoe", "lobby")
    pair.ada.ok("poll", **WANTED)
    zoe.ok("vote", room="lobby", choice=2)
    with running_server(tmp_path / "three", log=pair.redis.address) as third, House(third) as house:
        max_ = house.enter("max", "lobby")
        max_.take(is_open)
        max_.ok("vote", room="lobby", choice=2)
        pair.ada.ok("op", who="max")
        max_.ok("end_poll", room="lobby")
        assert results(max_) == [[0, 2]]
