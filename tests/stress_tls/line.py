"""Connections with several threads that send on each end, one that reads: every byte is checked."""

import random
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

from chat_client.transport.tls import TlsSocket, handshake
from protocol.tls import Channel
from tests.stress_tls.outcome import Outcome
from tests.support.peer import believing
from tests.support.tls import server_context
from tests.support.waiting import DEADLINE

WRITERS = 3
"""Threads that send, on each end."""

BUFFERS = (None, 8192)
"""Bytes that the system takes of each connection before it has somebody wait. It is with few, and
with a timeout, that a shared `ssl.SSLSocket` breaks at once."""

_HEADER = struct.Struct("!IIII")  # the length of the payload, the writer, the number, the checksum
_SIZES = (1, 30, 200, 1000, 16_384, 16_385, 60_000)

# Random bytes, of which each payload is a stretch.
_noise = random.Random(1).randbytes(200_000)


def run(seconds: float) -> Outcome:
    """Send in both directions for some seconds, and read all of it."""
    outcome = Outcome(f"{len(BUFFERS)} connections, {WRITERS} writers on each end")
    ends = [end for size in BUFFERS for end in _connected(size)]
    began = time.monotonic()
    until = began + seconds
    readers = [_start(_read, end, outcome) for end in ends]
    writers = [
        _start(_write, end, number, until, outcome) for end in ends for number in range(WRITERS)
    ]
    for thread in writers:
        thread.join()
    for end in ends:
        with suppress(OSError):  # it is broken, which is a fault already
            end.shutdown(socket.SHUT_WR)
    for thread in readers:
        thread.join()
    for end in ends:
        end.close()
    outcome.seconds = time.monotonic() - began
    return outcome


def _connected(buffer: int | None) -> tuple[TlsSocket, TlsSocket]:
    """Both ends of a connection over TCP, the handshake done."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far = listener.accept()[0]
    channel = Channel(server_context(), server_side=True)
    answering = _start(_answer, far, channel)
    client = handshake(near, believing(), "the other end", None, DEADLINE)
    answering.join()
    for each in (near, far):
        each.settimeout(DEADLINE)
        if buffer is not None:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    return client, TlsSocket(far, channel)


def _answer(far: socket.socket, channel: Channel) -> None:
    while not channel.established:
        channel.receive(far.recv(65536))
        far.sendall(channel.take())


def _write(end: TlsSocket, writer: int, until: float, outcome: Outcome) -> None:
    source = random.Random(writer)
    number = 0
    while time.monotonic() < until:
        start = source.randrange(100_000)
        payload = _noise[start : start + source.choice(_SIZES)]
        header = _HEADER.pack(len(payload), writer, number, zlib.crc32(payload))
        try:
            end.sendall(header + payload)
        except OSError as error:
            outcome.fault(f"writer {writer} cannot send: {error}")
            return
        number += 1


def _read(end: TlsSocket, outcome: Outcome) -> None:
    expected = [0] * WRITERS
    try:
        for writer, number, whole in _pieces(end, outcome):
            if not whole or number != expected[writer]:
                raise ConnectionError(f"piece {expected[writer]} of writer {writer} is wrong")
            expected[writer] += 1
    except (OSError, struct.error, IndexError) as error:
        outcome.fault(f"the connection broke: {error}")
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)  # nobody is to wait for this end


def _pieces(end: TlsSocket, outcome: Outcome) -> Iterator[tuple[int, int, bool]]:
    """Whose each piece is, which of its writer's, and whether it is as it was."""
    buffer = bytearray()
    while data := end.recv(65536):
        buffer += data
        place = 0
        while len(buffer) - place >= _HEADER.size:
            length, writer, number, checksum = _HEADER.unpack_from(buffer, place)
            stop = place + _HEADER.size + length
            if stop > len(buffer):
                break
            payload = bytes(buffer[place + _HEADER.size : stop])
            yield writer, number, zlib.crc32(payload) == checksum
            outcome.count(len(payload))
            place = stop
        del buffer[:place]
    if buffer:
        outcome.fault("the end is missing")


def _start(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments)
    thread.start()
    return thread
