"""A network that loses and swaps, always the same datagrams."""

import socket

from lab.stage.lossy import LossyNetwork
from tests.support.leaks import nothing_left_behind
from tests.support.waiting import DEADLINE


def test_every_fifth_is_lost_and_every_seventh_is_swapped() -> None:
    """What comes back is not touched."""
    with (
        nothing_left_behind(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        for each in (server, client):
            each.settimeout(DEADLINE)
        with LossyNetwork(server.getsockname()[1]) as network:
            for number in range(1, 10):
                client.sendto(b"%d" % number, ("127.0.0.1", network.port))
            got = [int(server.recvfrom(100)[0]) for _ in range(8)]
            _, back = b"", server
            client.sendto(b"ask", ("127.0.0.1", network.port))  # the tenth is lost
            client.sendto(b"ask", ("127.0.0.1", network.port))
            _, address = back.recvfrom(100)
            server.sendto(b"answer", address)
            assert client.recvfrom(100)[0] == b"answer"
            assert got == [1, 2, 3, 4, 6, 8, 7, 9]
            assert (network.dropped, network.swapped) == (2, 1)
