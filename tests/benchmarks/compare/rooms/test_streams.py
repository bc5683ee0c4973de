"""What Redis Streams have stored, put there by hand."""

import re
import socket

import pytest

from benchmarks.compare.rivals import RIVALS
from benchmarks.compare.rooms.streams import stored_troubles
from benchmarks.compare.wires import STREAMS


def text(number: int) -> str:
    """A text of talker 1 in room 0."""
    return f"^000001{number:08d}".ljust(64, "x")


@pytest.mark.bench
@pytest.mark.parametrize(
    ("numbers", "acknowledged", "troubles"),
    [
        ([0, 1, 2], 3, []),
        ([0, 1], 3, ["1 texts acknowledged but not stored"]),
        ([0, 2], 2, ["1 texts stored out of order"]),
        ([0, 2, 1], 3, ["2 texts stored out of order"]),
    ],
)
def test_what_is_stored_is_checked(
    numbers: list[int], acknowledged: int, troubles: list[str]
) -> None:
    rival = RIVALS["streams"]
    if rival.missing():
        pytest.skip(rival.missing())
    with rival.running() as server, socket.create_connection(server.address, 10) as connection:
        for number in numbers:
            connection.sendall(STREAMS.publish("room0", text(number), number))
            assert re.match(rb"\$\d+\r\n\d+-\d+\r\n", connection.recv(100))
        assert stored_troubles(server.address, ["room0"], STREAMS, acknowledged) == troubles
