"""A worker's turn in the fair queue: it waits for it, and none lasts for ever."""

import threading
from collections.abc import Iterator

import pytest

from chat_server.delivery.fair_queue import FairQueue, ServerWaiter
from chat_server.delivery.worker_turns import WorkerTurns
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
