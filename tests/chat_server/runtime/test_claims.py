"""Claims: one at a time for each thing, in the order in which they came."""

import threading
from functools import partial

import pytest

from chat_server.runtime.claims import Claims
from tests.support.waiting import eventually


def test_those_who_want_the_same_wait_in_line() -> None:
    """Each until the one before is done, whoever is quicker to wake."""
    claims, order = Claims(), list[int]()

    def change(number: int) -> None:
        with claims.of("poll"):
            order.append(number)

    def is_as_long(count: int) -> bool:
        return len(claims._claimed["poll"]) == count

    threads = [threading.Thread(target=change, args=(number,)) for number in range(10)]
    with claims.of("poll"):
        for count, thread in enumerate(threads, 1):
            thread.start()
            eventually(partial(is_as_long, count))
        assert order == []
    for thread in threads:
        thread.join()
    assert order == list(range(10))
    assert not claims.has("poll")


def test_who_wants_something_else_does_not_wait() -> None:
    claims = Claims()
    with claims.of("poll"), claims.of("hands"):
        assert claims.has("poll")
    assert not claims.has("poll")


def test_a_failure_lets_the_next_one_go_on() -> None:
    """What it was about is not claimed for ever."""
    claims = Claims()
    with pytest.raises(KeyError), claims.of("poll"):
        raise KeyError
    with claims.of("poll"):
        pass
