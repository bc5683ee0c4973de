"""Reads back what Redis Streams stored of a run: all of it, once, in each talker's order."""

import socket
from collections import Counter
from collections.abc import Iterable

from benchmarks.compare.wires import Wire

PATIENCE = 30.0
"""Seconds for a part of the answer."""


def stored_troubles(
    address: tuple[str, int], rooms: Iterable[str], wire: Wire, acknowledged: int
) -> list[str]:
    """Return a sentence for each fault of what is stored.

    Args:
        address: the server's address.
        rooms: the names of the streams.
        wire: the protocol, whose pattern finds the texts.
        acknowledged: how many texts the server has acknowledged.
    """
    stored = disordered = 0
    following: Counter[bytes] = Counter()
    for room in rooms:
        for found in wire.message.finditer(_content(address, room)):
            talker, number = found[1], int(found[2])
            disordered += number != following[talker]
            following[talker] = number + 1
            stored += 1
    counts = {
        "texts acknowledged but not stored": acknowledged - stored,
        "texts stored out of order": disordered,
    }
    return [f"{count:,} {what}" for what, count in counts.items() if count]


def _content(address: tuple[str, int], stream: str) -> bytes:
    """Return all entries, as the server sends them before the answer to the PING behind."""
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(f"XRANGE {stream} - +\r\nPING\r\n".encode())
        data = bytearray()
        while not data.endswith(b"+PONG\r\n") and (piece := connection.recv(1 << 20)):
            data += piece
    return bytes(data)
