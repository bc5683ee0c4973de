"""How many may vote, in a poll and in all of them."""

from pathlib import Path
from typing import Any

import pytest

from chat_server.moderation import open_poll
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.servers import running_server

WANTED: dict[str, Any] = {"room": "lobby", "question": "Is it?", "options": ["yes", "no"]}


def test_there_are_not_more_votes_than_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who has voted may still change the vote."""
    monkeypatch.setattr(open_poll, "VOTES_LIMIT", 1)
    with ordered_house() as place:
        bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
        place.mia.ok("poll", **WANTED)
        bob.ok("vote", room="lobby", choice=1)
        zoe.refused("unavailable", "vote", room="lobby", choice=1)
        bob.ok("vote", room="lobby", choice=2)


def test_there_are_not_more_votes_in_all_polls_than_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polls of a few votes go on, and what a poll had is free again when it has ended."""
    monkeypatch.setattr(open_poll, "ALL_VOTES_LIMIT", 2)
    monkeypatch.setattr(open_poll, "SMALL_POLL", 2)
    with ordered_house(tmp_path) as place:
        sessions = place.ada.session, place.mia.session
        for room in ("lobby", "tea"):
            place.mia.join(room)
            place.mia.ok("poll", **WANTED | {"room": room})
        voters = [place.enter(f"n{number}", "lobby", "tea") for number in range(4)]
        for voter in voters[:2]:
            voter.ok("vote", room="lobby", choice=1)
        refused = voters[2].refused("unavailable", "vote", room="lobby", choice=1)
        assert "2 votes are kept in all open polls" in refused["text"]
        voters[1].ok("vote", room="lobby", choice=2)
        for voter in voters[:2]:
            voter.ok("vote", room="tea", choice=1)
        voters[2].refused("unavailable", "vote", room="tea", choice=1)
    with running_server(tmp_path) as server, OrderedHouse(server, *sessions) as place:
        assert place.running._parts.polls._votes == 4
        voter = place.enter("late", "lobby", "tea")
        voter.refused("unavailable", "vote", room="lobby", choice=1)
        place.mia.skip_ids(5000)
        place.mia.join("tea")
        place.mia.ok("end_poll", room="lobby")
        place.mia.ok("end_poll", room="tea")
        assert place.running._parts.polls._votes == 0
