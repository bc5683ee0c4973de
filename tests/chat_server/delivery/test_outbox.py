"""The step from catching up back to live, in every order that two threads can take it.

A worker publishes and then offers; the catch-up thread looks at the cursor, reads a page with no
lock held, and sends it. Whatever happens in between, each message goes out once and in order, and
a member that is behind is always in somebody's hands.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import permutations

import pytest

from chat_server.delivery.fanout import _feed, _News
from chat_server.delivery.outbox import OWED_LIMIT, Outbox, Step
from chat_server.gateways.native import NATIVE, NativeGateway
from chat_server.rooms.codec import Codec
from chat_server.rooms.log_tail import Chunk
from chat_server.rooms.people.session import Session
from chat_server.rooms.room import Member, Room
from chat_server.runtime.clock import SystemClock
from protocol.errors import Code
from protocol.messages import Error, Ok, ServerPong
from tests.support.codec import segment
from tests.support.peer import Frame, Peer
from tests.support.waiting import eventually

Action = Callable[[], object]


class Interrupted(Room):
    """A room in which something happens just after somebody has seen where its log ends."""

    after_a_look_at_the_end: Action | None = None

    @property
    def last(self) -> int:
        last = self._last
        if self.after_a_look_at_the_end:
            action, self.after_a_look_at_the_end = self.after_a_look_at_the_end, None
            action()
        return last

    @last.setter
    def last(self, seq: int) -> None:
        self._last = seq


class Stage:
    """One member of one room on a socket pair, and the two threads' parts to be played."""

    def __init__(self, cursor: int, last: int) -> None:
        ours, theirs = socket.socketpair()
        self.peer = Peer(theirs)
        self.room = Interrupted("lobby", "", last, lambda _: None, lambda _: None)
        self._log = last
        self.waiting = 0  # how often the outbox was handed to the catch-up thread
        self.while_reading: list[Action] = []
        self.outbox = Outbox(ours, SystemClock(), self._hand_over, self._read_page, NativeGateway())
        self.member = Member(self.room, Session(b"", "ada", 1, 0), self.outbox, cursor)
        self.room.add(self.member, None)
        self.outbox.admit(self.member, Ok(re=1))

    def publish(self) -> Chunk:
        """The worker's first half: two more messages are in the log."""
        new = segment(self._log + 1, self._log + 2)
        self._log += 2
        self.room.publish(new, None)
        return new.after(new.first - 1, NATIVE)

    def offer(self, new: Chunk) -> None:
        """The worker's second half."""
        self.outbox.offer(self.member, new, time.monotonic())

    def deliver(self) -> None:
        """Both halves."""
        self.offer(self.publish())

    def finish_catching_up(self) -> None:
        """What the catch-up thread does until it lets go."""
        for _ in range(100):
            if not self.waiting:
                return
            if self.outbox.step() is Step.DONE:
                self.waiting -= 1
        raise AssertionError("it never ends")

    def seen(self) -> list[int]:
        """What arrived, all of it."""
        self.outbox.put(ServerPong(re=1))
        frames: list[Frame] = []
        while (frame := self.peer.receive(within=1))["type"] != "pong":
            frames.append(frame)
        return [frame["seq"] for frame in frames if frame["type"] == "message"]

    def close(self) -> None:
        self.outbox.abort()
        self.finish_catching_up()
        self.outbox.close()
        self.peer.close()

    def _hand_over(self, _: Outbox) -> None:
        self.waiting += 1

    def _read_page(self, _: Room, seq: int, codec: Codec) -> Chunk:
        stored = segment(seq + 1, self._log)
        page = self.room.tail_after(seq, codec) or stored.after(seq, codec)
        if self.while_reading:
            self.while_reading.pop(0)()
        return page


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A member that is three messages behind."""
    with closing(Stage(cursor=2, last=5)) as stage:
        yield stage


def test_a_member_that_is_behind_is_caught_up(stage: Stage) -> None:
    """From its cursor to the end, and then it is let go."""
    assert stage.waiting == 1
    stage.finish_catching_up()
    assert stage.seen() == [3, 4, 5]
    stage.deliver()
    assert stage.seen() == [6, 7]


def test_offered_while_the_page_is_read(stage: Stage) -> None:
    """The worker does both halves between the page's reading and its sending."""
    stage.while_reading = [stage.deliver]
    stage.finish_catching_up()
    assert stage.seen() == [3, 4, 5, 6, 7]


def test_published_before_the_page_and_offered_while_it_is_read(stage: Stage) -> None:
    """The page holds what is offered: it goes out once."""
    new = stage.publish()
    stage.while_reading = [lambda: stage.offer(new)]
    stage.finish_catching_up()
    assert stage.seen() == [3, 4, 5, 6, 7]


def test_published_before_the_last_look_and_offered_after_it(stage: Stage) -> None:
    """The catch-up thread saw it and sent it; the worker's offer comes to nothing."""
    new = stage.publish()
    stage.finish_catching_up()
    stage.offer(new)
    assert stage.seen() == [3, 4, 5, 6, 7]


def test_published_and_offered_after_the_last_look(stage: Stage) -> None:
    """The catch-up thread let go: the worker finds the cursor at the end and sends."""
    stage.finish_catching_up()
    stage.offer(stage.publish())
    assert stage.seen() == [3, 4, 5, 6, 7]
    assert stage.waiting == 0


def test_published_between_the_sending_and_the_last_look(stage: Stage) -> None:
    """The delicate one: fed by the page, not let go yet, and something new comes."""
    assert stage.outbox.step() is Step.BEHIND
    stage.deliver()
    stage.finish_catching_up()
    assert stage.seen() == [3, 4, 5, 6, 7]


def test_published_and_passed_over_just_after_the_last_look(stage: Stage) -> None:
    """The worker finds the outbox in the catch-up thread's hands, which has looked already."""

    def publish_and_feed() -> None:
        stage.publish()
        # No lock is taken for who is passed over.
        _feed(_News(stage.room), [stage.member], time.monotonic())

    stage.outbox.step()
    stage.room.after_a_look_at_the_end = publish_and_feed
    stage.finish_catching_up()
    assert stage.seen() == [3, 4, 5, 6, 7]


def test_the_member_leaves_while_the_page_is_read(stage: Stage) -> None:
    """Nothing of the room is sent after that."""
    stage.while_reading = [lambda: stage.outbox.dismiss(stage.member)]
    stage.finish_catching_up()
    assert stage.seen() == []


def test_the_member_joins_again_while_the_page_is_read(stage: Stage) -> None:
    """The new cursor counts, and the old page is dropped."""
    again = Member(stage.room, stage.member.session, stage.outbox, 4)
    stage.while_reading = [lambda: stage.outbox.admit(again, Ok(re=2))]
    stage.finish_catching_up()
    assert stage.seen() == [5]


def test_the_connection_ends_while_the_page_is_read(stage: Stage) -> None:
    """The catch-up thread lets go, and nothing is sent on what may be another's socket."""
    stage.while_reading = [stage.outbox.abort]
    stage.finish_catching_up()
    assert stage.waiting == 0


def test_a_failed_send_leaves_the_memberships_to_be_ended(stage: Stage) -> None:
    """A worker notices first that the client is gone: the rooms still learn that it left."""
    stage.finish_catching_up()
    stage.peer.close()
    stage.deliver()
    assert stage.outbox.members() == (stage.member,)
    assert stage.outbox.finish() == (stage.member,)
    assert stage.outbox.finish() == ()


def test_a_thread_waits_on_where_the_client_is_gone_until_the_server_ends_it(stage: Stage) -> None:
    """What the client had sent is done in its turn. A failed send ends no wait, `finish` does."""
    looked, waited = Counter[str](), []

    def waits(_: Outbox) -> bool:
        looked["times"] += 1
        return True

    waiting = threading.Thread(target=lambda: waited.append(stage.outbox.wait_while(waits)))
    waiting.start()
    eventually(lambda: looked["times"] == 1)
    with stage.outbox._lock:
        stage.outbox._drop()
    eventually(lambda: looked["times"] == 2)
    stage.outbox.wake()
    eventually(lambda: looked["times"] == 3)
    assert not waited
    stage.outbox.finish()
    waiting.join(60)
    assert waited == [False]


def test_who_said_too_much_is_read_again_when_half_of_it_is_stored(stage: Stage) -> None:
    """And not for each text of it."""
    stage.outbox.expect_reply(OWED_LIMIT, 3)
    reader = threading.Thread(target=stage.outbox.wait_until_short)
    reader.start()
    eventually(lambda: stage.outbox._changed is not None)
    waits = stage.outbox._changed
    stage.outbox.reply([Ok(re=1)], OWED_LIMIT // 4)
    assert stage.outbox._changed is waits
    stage.outbox.reply([Ok(re=2)], OWED_LIMIT // 8)
    assert stage.outbox._changed is waits
    assert reader.is_alive()
    stage.outbox.reply([Ok(re=3)], OWED_LIMIT // 8)
    reader.join(60)
    assert not reader.is_alive()


def test_who_waits_for_the_last_reply_is_woken_whatever_the_replies_settled(stage: Stage) -> None:
    """Also by one that settles less than was expected for it."""
    stage.outbox.expect_reply(OWED_LIMIT - 1)
    reader = threading.Thread(target=stage.outbox.wait_until_answered)
    reader.start()
    eventually(lambda: stage.outbox._changed is not None)
    stage.outbox.reply([Ok(re=1)], 1)
    reader.join(60)
    assert not reader.is_alive()


def test_nothing_is_read_for_a_client_that_is_gone(stage: Stage) -> None:
    """Though it is behind, and in the room until its own thread ends that."""
    stage.outbox.abort()
    stage.while_reading = [lambda: pytest.fail("the log was read")]
    stage.finish_catching_up()


def _halves(stage: Stage) -> list[Action]:
    """Two deliveries in halves and three steps, each in its own order."""
    new: list[Chunk] = []
    return [
        lambda: new.append(stage.publish()),
        lambda: stage.offer(new[0]),
        lambda: new.append(stage.publish()),
        lambda: stage.offer(new[1]),
        lambda: _step(stage),
        lambda: _step(stage),
        lambda: _step(stage),
    ]


def _step(stage: Stage) -> None:
    if stage.waiting and stage.outbox.step() is Step.DONE:
        stage.waiting -= 1


ORDERS = [
    order
    for order in permutations(range(7))
    if order.index(0) < order.index(1) < order.index(2) < order.index(3)
    and order.index(4) < order.index(5) < order.index(6)
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join(map(str, order)))
def test_every_order_of_worker_and_catch_up(order: tuple[int, ...]) -> None:
    """All 35 ways in which a worker's four halves and three steps can follow each other."""
    with closing(Stage(cursor=2, last=5)) as stage:
        actions = _halves(stage)
        for place in order:
            actions[place]()
        stage.finish_catching_up()
        assert stage.seen() == [3, 4, 5, 6, 7, 8, 9]


def test_a_full_socket_and_every_turn_back_to_live() -> None:
    """Lagging because the socket is full: fed again as it takes bytes, and let go in the end."""
    with closing(Stage(cursor=0, last=0)) as stage:
        stage.outbox.put(Ok(re=2))
        big = Error(re=None, code=Code.INTERNAL, text="x" * 60_000)
        while not stage.waiting:
            stage.outbox.put(big)
        for _ in range(50):
            stage.deliver()
        assert stage.outbox.step() is Step.BLOCKED
        seen: list[int] = []
        while len(seen) < 100:
            _step(stage)
            frame = stage.peer.receive(within=1)
            if frame["type"] == "message":
                seen.append(frame["seq"])
        assert seen == list(range(1, 101))
        stage.finish_catching_up()
        stage.deliver()
        assert stage.seen() == [101, 102]
