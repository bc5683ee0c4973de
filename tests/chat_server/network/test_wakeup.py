"""Waking a thread that waits in a selector."""

import os
import selectors
from collections.abc import Iterator
from contextlib import closing

import pytest

from chat_server.network.wakeup import WakeUp


@pytest.fixture
def wakeup() -> Iterator[WakeUp]:
    with closing(WakeUp()) as made:
        yield made


def is_awake(wakeup: WakeUp) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(wakeup, selectors.EVENT_READ)
        return bool(selector.select(0))


def test_it_wakes_a_selector(wakeup: WakeUp) -> None:
    """Until what woke it is taken."""
    assert not is_awake(wakeup)
    wakeup.wake()
    assert is_awake(wakeup)
    assert is_awake(wakeup)
    assert wakeup.take() == b"\0"
    assert not is_awake(wakeup)


def test_nobody_waits_to_wake(wakeup: WakeUp) -> None:
    """However often, and though nobody takes anything."""
    for _ in range(300_000):
        wakeup.wake()
    assert is_awake(wakeup)


def test_a_signal_says_which(wakeup: WakeUp) -> None:
    """As the interpreter writes it."""
    os.write(wakeup.signal_descriptor, bytes([15]))
    assert wakeup.take() == bytes([15])


def test_nothing_stays_open() -> None:
    """Both ends are closed."""
    made = WakeUp()
    descriptors = made.fileno(), made.signal_descriptor
    made.close()
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
