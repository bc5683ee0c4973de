"""What tests of the network have in common."""

import threading
from collections.abc import Iterator

import pytest

from tests.support.waiting import eventually


@pytest.fixture
def registration_ends() -> Iterator[None]:
    """An announcement that was under way when the server ended has ended, too."""
    yield
    eventually(lambda: "mdns" not in {thread.name for thread in threading.enumerate()})
