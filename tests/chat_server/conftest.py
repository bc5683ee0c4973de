"""What every test of the server stands on, and what must be true after each of them."""

import logging
from collections.abc import Iterator

import pytest

from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.leaks import nothing_left_behind
from tests.support.servers import running_server


class _Tracebacks(logging.Handler):
    """Collects what the server logs with an exception: its own bugs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(self._formatter.format(record))


@pytest.fixture(autouse=True)
def clean_end() -> Iterator[None]:
    """No thread and no descriptor is left after a test, and no traceback was logged."""
    tracebacks = _Tracebacks()
    logging.getLogger().addHandler(tracebacks)
    try:
        with nothing_left_behind():
            yield
    finally:
        logging.getLogger().removeHandler(tracebacks)
    assert not tracebacks.found, "\n".join(tracebacks.found)


@pytest.fixture
def house() -> Iterator[House]:
    """A running server with default settings, and the means to come in."""
    with running_server() as server, House(server) as house:
        yield house


@pytest.fixture
def clock() -> ManualClock:
    """The time, which passes when a test says so."""
    return ManualClock()


@pytest.fixture
def place(clock: ManualClock) -> Iterator[OrderedHouse]:
    """A running server with people in charge, by that clock."""
    with ordered_house(clock=clock) as house:
        yield house
