"""A crowd in a fair queue, for what takes turns with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chat_server.delivery.fair_queue import CROWD, FairQueue, ServerWaiter
from tests.support.waiting import DEADLINE, eventually


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
