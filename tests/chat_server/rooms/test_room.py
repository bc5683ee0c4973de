"""A room takes what is posted, asks for a worker, and is told what became of it."""

import gc
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from chat_server.moderation.notices import OwnNotices
from chat_server.rooms.people.session import Claim, Client, Session
from chat_server.rooms.policy import RoomPolicy
from chat_server.rooms.room import (
    ANY_POLICY,
    DRAFTS_COST_LIMIT,
    ROUND_LIMIT,
    Draft,
    Room,
)
from protocol.messages import Message
from tests.support.codec import segment
from tests.support.waiting import eventually


class Watched:
    """An empty room, and how often it asked for a worker."""

    def __init__(self) -> None:
        self.turns = 0
        self.room = Room("lobby", "", 0, self._give_turn, lambda _: None)

    def _give_turn(self, room: Room) -> None:
        assert room is self.room
        self.turns += 1

    def draft(self, text: str) -> Draft:
        return OwnNotices("ada").write("lobby", text)

    def post(self, text: str) -> None:
        assert self.room.post(self.draft(text), None)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_room_asks_for_one_turn_until_that_ends(watched: Watched) -> None:
    """However much is posted meanwhile; what came too late for the batch is another turn."""
    watched.post("one")
    watched.post("two")
    assert watched.turns == 1
    assert [draft.message.text for draft in watched.room.take_drafts()] == ["one", "two"]
    watched.post("three")
    assert watched.turns == 1
    watched.room.end_turn()
    assert watched.turns == 2
    assert [draft.message.text for draft in watched.room.take_drafts()] == ["three"]
    watched.room.end_turn()
    assert watched.turns == 2


def test_what_was_published_is_another_turn(watched: Watched) -> None:
    """The worker has stored it, and goes round the members next."""
    watched.post("one")
    watched.room.take_drafts()
    watched.room.publish(segment(1, 1), "tea")
    watched.room.end_turn()
    assert (watched.turns, watched.room.last, watched.room.topic) == (2, 1, "tea")


def test_a_draft_that_other_rules_were_asked_for_is_not_taken(watched: Watched) -> None:
    """It has to be checked again. What no rules bind is always taken."""
    rules = RoomPolicy()
    assert watched.room.impose(lambda: rules, None) is None
    assert not watched.room.post(watched.draft("before"), None)
    assert watched.room.post(watched.draft("after"), rules)
    assert watched.room.post(watched.draft("whatever"), ANY_POLICY)
    assert [draft.message.text for draft in watched.room.take_drafts()] == ["after", "whatever"]


def test_drafts_that_come_together_are_one_turn(watched: Watched) -> None:
    """They keep their order, behind what was posted before."""
    watched.post("one")
    drafts = [watched.draft("two"), watched.draft("three")]
    assert watched.room.post_freely(drafts, lambda: True) == 2
    assert watched.turns == 1
    assert [draft.message.text for draft in watched.room.take_drafts()] == ["one", "two", "three"]
    watched.room.end_turn()
    assert watched.room.post_freely([], lambda: True) == 0
    assert watched.turns == 1


def test_the_garbage_collector_looks_at_no_draft(watched: Watched) -> None:
    """While it looks at an object, nothing else happens; and many may wait to be stored."""
    author = OwnNotices("ada")
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1000):
        message = Message.unnumbered("ada", "text", f"text {number}")
        watched.room.post(Draft(author, None, number, message, ()), None)
    gc.collect()
    assert len(gc.get_objects()) - before < 100


def test_a_draft_whose_request_waits_already_costs_what_waits() -> None:
    """Whatever is said under that id now: the reply settles that, for each who waits for it."""
    session, connection = Session(b"", "ada", 1), cast(Client, object())
    session.hand_to(connection)
    first, again = (
        Draft(session, 1, 7, Message.unnumbered("ada", "text", text), ()) for text in ("x", "x" * 9)
    )
    assert again.cost > first.cost
    assert session.claim(connection, first) is Claim.NEW
    assert session.claim(connection, again) is Claim.PENDING
    assert again.cost == first.cost


def test_a_mute_between_two_drafts_that_come_together_counts(watched: Watched) -> None:
    """Nothing that follows it is posted."""
    answers = [True, False, True]
    drafts = [watched.draft(text) for text in ("one", "two", "three")]
    assert watched.room.post_freely(drafts, lambda: answers.pop(0)) == 1
    assert [draft.message.text for draft in watched.room.take_drafts()] == ["one"]


def _freeze(room: Room) -> None:
    room.impose(RoomPolicy, None)


@pytest.mark.parametrize(
    "end",
    [_freeze, Room.shut, Room.close, lambda room: room.give_up(0)],
    ids=["frozen", "shut", "closed", "given up"],
)
def test_nothing_is_posted_freely_where_something_binds(
    watched: Watched, end: Callable[[Room], object]
) -> None:
    """Rules, or the end of the room or of the server: each draft is looked at by itself then."""
    end(watched.room)
    assert watched.room.post_freely([watched.draft("one")], lambda: True) == 0
    assert (watched.turns, watched.room.waiting) == (0, 0)


def test_a_notice_of_new_rules_stands_behind_what_was_posted_before(watched: Watched) -> None:
    """And before what is posted after it."""
    watched.post("before")
    watched.room.impose(lambda: None, watched.draft("frozen"))
    watched.post("after")
    assert [draft.message.text for draft in watched.room.take_drafts()] == [
        "before",
        "frozen",
        "after",
    ]


def _fill(watched: Watched) -> threading.Thread:
    """Post as much as may wait, and start a thread that waits to post one more."""
    while not watched.room.is_full:
        watched.post("x" * 4000)
    assert watched.room.waiting_cost >= DRAFTS_COST_LIMIT

    def wait_and_post() -> None:
        watched.room.wait_for_space()
        watched.post("late")

    poster = threading.Thread(target=wait_and_post)
    poster.start()
    eventually(lambda: bool(watched.room._taken._waiters))  # type: ignore[attr-defined]
    return poster


def test_who_posts_faster_than_is_stored_waits(watched: Watched) -> None:
    """Until a worker has taken a batch, which is bounded, too."""
    poster = _fill(watched)
    waiting = watched.room.waiting
    batch = watched.room.take_drafts()
    poster.join(10)
    assert watched.room.waiting == waiting - len(batch) + 1
    cost = sum(draft.cost for draft in batch)
    assert ROUND_LIMIT <= cost < ROUND_LIMIT + batch[-1].cost


def test_who_waits_to_post_is_let_go_when_the_server_stops(watched: Watched) -> None:
    """What they had to say is dropped, and nothing is taken after it."""
    poster = _fill(watched)
    waiting = watched.room.waiting
    watched.room.shut()
    poster.join(10)
    watched.post("later")
    assert watched.room.waiting == waiting


def test_a_room_is_given_up_only_when_nothing_of_it_is_left(watched: Watched) -> None:
    """Neither while something waits to be stored, nor while a message is kept."""
    watched.post("one")
    assert not watched.room.give_up(0)
    watched.room.take_drafts()
    watched.room.publish(segment(1, 1), None)
    watched.room.end_turn()
    watched.room.round.take(1, 1, watched.room.members)
    watched.room.end_turn()
    assert not watched.room.give_up(0)
    assert watched.room.give_up(1)
    watched.post("nobody hears it")
    assert watched.room.waiting == 0


def test_a_room_with_texts_of_which_nobody_knows_is_not_given_up(watched: Watched) -> None:
    """Whoever said them waits for a reply."""
    watched.post("one")
    watched.room.set_aside(watched.room.take_drafts())
    watched.room.end_turn()
    assert not watched.room.give_up(0)
    watched.room.take_drafts()
    watched.room.end_turn()
    assert watched.room.give_up(0)


def test_what_is_being_stored_is_waited_for() -> None:
    """Else it would be stored in a room that is gone."""
    room, closed = Room("shed", "", 0, lambda _: None, lambda _: None), list[int | None]()
    room.post(OwnNotices("ada").write("shed", "last words"), None)
    closing = threading.Thread(target=lambda: closed.append(room.close()))
    closing.start()
    eventually(lambda: any_waiter(room))
    assert len(room.take_drafts()) == 1
    assert not closed
    room.publish(segment(1, 1), None)
    room.end_turn()  # there is another, for the round
    room.round.take(1, room.last, room.members)
    room.end_turn()
    closing.join()
    assert (closed, room.last) == ([0], 1)


def any_waiter(room: Any) -> bool:
    """Whether somebody waits for a closed room."""
    return room._closed and bool(room._changed._waiters)


def test_what_was_posted_is_waited_for(watched: Watched) -> None:
    """Until it is stored, and no longer than that is worth."""
    watched.room.wait_until_stored(60)  # nothing was
    watched.post("one")
    watched.room.wait_until_stored(0.01)
    waiting = threading.Thread(target=watched.room.wait_until_stored, args=(60,))
    waiting.start()
    assert watched.room.take_drafts()
    assert waiting.is_alive()
    watched.room.end_turn()
    waiting.join(20)
    assert not waiting.is_alive()
