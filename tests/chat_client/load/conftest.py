"""A real server for the tests of the load tester."""

from collections.abc import Iterator

import pytest

from tests.support.servers import address_of, running_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that limits nothing."""
    with running_server() as running:
        yield address_of(running)
