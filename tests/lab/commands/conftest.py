"""Fixtures for tests that call a command in this process."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _old_handlers() -> Iterator[None]:
    """Undo what a command does to the signals of its process."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
