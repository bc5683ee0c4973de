"""Pinning is for those in charge, and audited."""

from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.store.people_store import PeopleStore
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house


@pytest.mark.parametrize("kind", ["pin", "unpin"])
def test_who_is_no_moderator_is_refused(place: OrderedHouse, kind: str) -> None:
    """Even the author of the message."""
    bob = place.enter("bob", "lobby")
    seq = bob.say("lobby", "look at me")
    place.mia.ok("pin", room="lobby", seq=seq) if kind == "unpin" else None
    bob.refused("forbidden", kind, room="lobby", seq=seq)


@pytest.mark.parametrize("seq", [0, 2, 2**53 - 1])
def test_what_was_never_said_cannot_be_pinned(place: OrderedHouse, seq: int) -> None:
    """Nor unpinned."""
    place.mia.say("lobby", "one")
    place.mia.refused("no_such_message", "pin", room="lobby", seq=seq)
    place.mia.refused("no_such_message", "unpin", room="lobby", seq=seq)


def test_both_are_in_the_audit_log(tmp_path: Path) -> None:
    """Who, which room, which message."""
    with ordered_house(tmp_path) as place:
        place.mia.say("lobby", "one")
        place.mia.ok("pin", room="lobby", seq=1)
        place.ada.ok("unpin", room="lobby", seq=1)
    with closing(PeopleStore(tmp_path)) as people:
        acts = [act for _, act in people.acts()]
    assert [(act.who, act.act, act.whom) for act in acts[-2:]] == [
        ("mia", "pin", "lobby 1"),
        ("ada", "unpin", "lobby 1"),
    ]
