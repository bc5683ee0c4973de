"""Polls without a wire: what a server that dies leaves, and what is bounded."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat_server.identity.participant import Participant
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.poll_store import PollStore
from chat_server.identity.store.records import Asked, KeptPoll, KeptVote
from chat_server.moderation import polls
from chat_server.moderation.open_poll import OpenPoll
from chat_server.rooms.people.session import token_hash
from chat_server.storage.shared_commit import SharedCommits
from tests.chat_server.house import whole_log
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.servers import running_server
from tests.support.waiting import eventually

WANTED: dict[str, Any] = {"room": "lobby", "question": "Is it?", "options": ["yes", "no"]}


@pytest.fixture
def place() -> Iterator[OrderedHouse]:
    with ordered_house() as house:
        yield house


def kinds(place: OrderedHouse) -> list[str]:
    """The kinds of the messages in the lobby."""
    return [message["kind"] for message in whole_log(place.ada, "lobby")]


@pytest.mark.parametrize("written", [False, True])
def test_a_result_is_written_once_whenever_the_server_dies(tmp_path: Path, written: bool) -> None:
    """Between the end and its message in the log; or behind it, where nobody had noted that."""
    with ordered_house(tmp_path) as place:
        place.mia.ok("poll", **WANTED)
        place.mia.ok("vote", room="lobby", choice=2)
        if written:
            place.mia.ok("end_poll", room="lobby")
        sessions = place.ada.session, place.mia.session
    with closing(PeopleStore(tmp_path)) as people:
        store = PollStore(people)
        (kept,) = store.polls()
        if not written:  # as a server leaves it that is killed behind the first of the two steps
            message = (
                '{"type":"message","room":"","seq":0,"time":0.0,"from":"mia","kind":"poll",'
                '"text":"result","poll":{"question":"Is it?","options":["yes","no"],"by":"mia",'
                '"time":0.0,"counts":[0,1]}}'
            )
            ended = kept._replace(result=message, session=2, request=500, ended=kept.time)
            store.end(ended, Asked(kept.token, 500), None)
    for _ in range(2):
        with running_server(tmp_path) as server, OrderedHouse(server, *sessions) as place:
            assert kinds(place) == ["poll", "poll"]
            result = whole_log(place.ada, "lobby")[-1]
            assert (result["from"], result["poll"]["counts"]) == ("mia", [0, 1])
            place.mia.skip_ids(5000)


def test_a_result_names_as_many_as_fit(
    place: OrderedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are counted."""
    monkeypatch.setattr(polls, "VOTERS_SIZE", 8)
    place.mia.ok("poll", **WANTED, named=True)
    for nick in ("bob", "eva", "zoe"):
        place.enter(nick, "lobby").ok("vote", room="lobby", choice=1)
    place.mia.ok("end_poll", room="lobby")
    result = place.ada.take(lambda frame: "counts" in frame.get("poll", {}))["poll"]
    assert result["counts"] == [3, 0]
    assert result["voters"] == [["bob"], []]


def test_votes_that_come_together_are_told_as_one(clock: ManualClock) -> None:
    """Who asked reads what they are by then, not each by itself."""
    with ordered_house(clock=clock) as place:
        place.mia.ok("poll", **WANTED)
        place.mia.expect("poll", counts=[0, 0])
        for number in range(20):
            place.enter(f"n{number}", "lobby").ok("vote", room="lobby", choice=1)
        place.mia.ping()
        assert not [frame for frame in place.mia.queue if "counts" in frame]
        clock.advance(polls.COUNTS_INTERVAL)
        place.mia.expect("poll", counts=[20, 0])


def test_a_vote_is_looked_up_while_none_changes(
    place: OrderedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes in on one device may vote on another at that moment, and the vote moves there."""
    held, parts, look_up = [], place.running._parts, OpenPoll.vote_of

    def vote_of(poll: OpenPoll, session: Participant) -> KeptVote | None:
        held.append(parts.polls._lock.locked())
        return look_up(poll, session)

    monkeypatch.setattr(OpenPoll, "vote_of", vote_of)
    bob = place.enter("bob", "lobby")
    place.mia.ok("poll", **WANTED)
    bob.ok("vote", room="lobby", choice=1)
    bob.ok("leave", room="lobby")
    bob.queue.clear()
    bob.join("lobby")
    assert bob.expect("poll")["choice"] == 1
    assert held
    assert all(held)


def commits_of(place: OrderedHouse) -> SharedCommits:
    """Those of the store of people."""
    return place.running._parts.people.commits


def test_votes_of_one_moment_share_a_commit(place: OrderedHouse) -> None:
    """A class that votes waits for the disk once, and for nobody's vote in another room."""
    voters = [place.enter(f"n{number}", "lobby") for number in range(20)]
    place.mia.ok("poll", **WANTED)
    commits = commits_of(place)
    before = commits.commits
    with commits.writing():
        asked = [voter.post("vote", room="lobby", choice=1) for voter in voters]
        eventually(lambda: commits._waiting == len(voters))
    for voter, identity in zip(voters, asked, strict=True):
        assert voter.reply(identity)["type"] == "ok"
    assert commits.commits == before + 1
    place.mia.ok("end_poll", room="lobby")
    assert whole_log(place.ada, "lobby")[-1]["poll"]["counts"] == [20, 0]


def test_an_end_waits_for_the_votes_that_are_under_way(place: OrderedHouse) -> None:
    """Whoever is told `ok` is counted; who is later is told that there is no poll."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    place.mia.ok("poll", **WANTED)
    commits, polls_open = commits_of(place), place.running._parts.polls._open
    poll = polls_open["lobby"]
    with commits.writing():
        voted = bob.post("vote", room="lobby", choice=2)
        eventually(lambda: poll.voting)
        ended = place.mia.post("end_poll", room="lobby")
        eventually(lambda: poll.is_ending)
        late = zoe.post("vote", room="lobby", choice=1)
    assert bob.reply(voted)["type"] == "ok"
    assert place.mia.reply(ended)["type"] == "ok"
    assert zoe.reply(late)["code"] == "forbidden"
    assert whole_log(place.ada, "lobby")[-1]["poll"]["counts"] == [0, 1]


def test_a_question_is_written_though_the_server_died_on_the_way(tmp_path: Path) -> None:
    """It is open for all, so the log has it: once, also where its asker never comes back."""
    with ordered_house(tmp_path) as place:
        place.mia.ok("topic", room="lobby", topic="polls")
        sessions = place.ada.session, place.mia.session
        mia = place.running._parts.registry.session_called("mia")
        assert mia is not None
    with closing(PeopleStore(tmp_path)) as people:
        token = token_hash(sessions[1])
        poll = KeptPoll(
            0, "lobby", token.hex(), token, "mia", time.time(), "Is it?", ("yes", "no"), False,
            session=mia.number, request=500,
        )  # fmt: skip
        PollStore(people).add(poll, Asked(token, 500), None)
    for _ in range(2):
        with running_server(tmp_path) as server, OrderedHouse(server, *sessions) as place:
            assert kinds(place) == ["topic", "poll"]
            place.mia.skip_ids(5000)
