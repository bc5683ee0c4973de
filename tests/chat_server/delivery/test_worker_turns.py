"""A worker's turn in the fair queue: it waits for it, and none lasts for ever."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chat_server.delivery.counters import Counters
from chat_server.delivery.fair_queue import CROWD, FairQueue, ServerWaiter
from chat_server.delivery.fanout import Delivery
from chat_server.delivery.worker_turns import WorkerTurns
from chat_server.moderation.notices import OwnNotices
from chat_server.rooms.room import Draft, Room
from chat_server.runtime.clock import SystemClock
from chat_server.storage.database import Sync
from chat_server.storage.sqlite.log import SqliteLog
from protocol.messages import Message
from tests.chat_server.delivery.test_fanout import LONG, held_up
from tests.chat_server.house import House, texts
from tests.support.servers import running_server
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture
def queue() -> FairQueue:
    return FairQueue()


@pytest.fixture
def turns(queue: FairQueue) -> Iterator[WorkerTurns]:
    turns = WorkerTurns(queue, ["one", "two"])
    turns.start()
    yield turns
    turns.stop()


def test_a_turn_that_takes_too_long_is_ended(queue: FairQueue, turns: WorkerTurns) -> None:
    """Others are let in; the worker goes on, and there are no turns for a while."""
    client = ServerWaiter("a client")
    assert turns.are_given
    with turns.turn("one"):
        with queue.at_head(client) as is_head:
            assert is_head
        eventually(lambda: not turns.are_given)
        assert queue.enter(client)
    queue.leave(client)
    eventually(lambda: turns.are_given)
    with turns.turn("one"):
        pass
    assert queue.enter(client)


def test_no_turn_is_ended_that_another_has_begun(queue: FairQueue, turns: WorkerTurns) -> None:
    """Each worker's counts by itself."""
    done = threading.Event()

    def work() -> None:
        with turns.turn("two"):
            done.set()

    with turns.turn("one"):
        other = threading.Thread(target=work)
        other.start()
        assert done.wait(DEADLINE)
    other.join(DEADLINE)
    assert queue.waiting == 0


def test_who_waits_for_a_turn_goes_on_without_when_all_ends(queue: FairQueue) -> None:
    """Though the one at the head never leaves."""
    turns, done = WorkerTurns(queue, ["one"]), threading.Event()
    turns.start()

    def work() -> None:
        with turns.turn("one"):
            done.set()

    worker = threading.Thread(target=work)
    with queue.at_head(ServerWaiter("a client")):
        worker.start()
        eventually(lambda: queue.waiting == 1)
        turns.stop()
        assert done.wait(DEADLINE)
    worker.join(DEADLINE)


def _say_unheard(room: Room, request: int, text: str) -> None:
    """Say something as somebody who has left since."""
    message = Message.unnumbered("somebody", "text", text)
    room.post(Draft(OwnNotices("somebody"), 1, request, message, ()), None)


def _room(name: str, delivery: Delivery) -> Room:
    return Room(name, "", 0, delivery.give_turn, lambda _: None)


@contextmanager
def crowd_in(queue: FairQueue) -> Iterator[None]:
    """A crowd that waits in a queue, behind the test, until the block ends."""

    def pass_through(waiter: ServerWaiter) -> None:
        with queue.at_head(waiter):
            pass

    first, *crowd = (ServerWaiter(f"asker {number}") for number in range(CROWD + 1))
    threads = [threading.Thread(target=pass_through, args=(waiter,)) for waiter in crowd]
    with queue.at_head(first):
        for thread in threads:
            thread.start()
        eventually(lambda: queue.waiting == CROWD)
        yield
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()


@contextmanager
def working(folder: Path, sync: Sync = "normal") -> Iterator[tuple[Delivery, FairQueue]]:
    """A delivery with one worker, and the queue in which it takes turns."""
    with closing(SqliteLog(folder, sync)) as log:
        queue = FairQueue()
        delivery = Delivery(log, SystemClock(), 1, Counters(), queue)
        delivery.start()
        yield delivery, queue
        delivery.stop(DEADLINE)


def test_a_worker_takes_turns_with_a_crowd(tmp_path: Path) -> None:
    """It waits in their queue with what takes long; with little it is as quick as it can be."""
    with working(tmp_path) as (delivery, queue):
        long, short = _room("long", delivery), _room("short", delivery)
        with crowd_in(queue):
            _say_unheard(short, 1, "tea?")
            eventually(lambda: short.last == 1)
            _say_unheard(long, 2, LONG)
            eventually(lambda: queue.waiting == CROWD + 1)
            assert long.last == 0
    assert long.last == 1


def test_a_worker_takes_no_turn_where_commits_wait(tmp_path: Path) -> None:
    """`--sync full`: others are served while the disk is waited for."""
    with working(tmp_path, "full") as (delivery, queue):
        room = _room("hall", delivery)
        with crowd_in(queue):
            _say_unheard(room, 1, LONG)
            eventually(lambda: room.last == 1)


def test_a_disk_that_hangs_holds_up_no_ping() -> None:
    """Though a worker waits for it in its turn, while a crowd wants to be served."""
    with running_server() as server, House(server) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        queue, room = server._parts.short_queue, server._parts.rooms.find("lobby")
        assert room is not None
        with held_up(server) as seen:
            with crowd_in(queue):
                _say_unheard(room, 1, LONG)
                eventually(lambda: queue.waiting == CROWD + 1)
            eventually(lambda: "BEGIN IMMEDIATE" in seen)
            ada.ping()
        assert texts(eva.messages(1)) == [LONG]
