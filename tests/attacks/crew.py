"""All attackers in a process of their own, so that they do not hold up the bystander's threads."""

import multiprocessing
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from protocol.common.descriptors import allow_descriptors
from tests.attacks.attack import CROWD, ROW, Attack
from tests.attacks.attacker import Attacker
from tests.attacks.catalogue import attacks
from tests.support.peer import Peer

READY_WITHIN = 60.0
"""Seconds until all attackers must have their rooms."""

ENDED_WITHIN = 3.0
"""Seconds for the attackers of one row to end. Those who do not, end with the process."""


class Crew:
    """The attackers' process, as seen by whoever started it."""

    def __init__(self, pipe: "Connection[Any, Any]") -> None:
        self._pipe = pipe

    def get_ready(self, attack: Attack, row: int) -> None:
        """Let attackers come in, and wait until each has its rooms.

        Args:
            attack: what they do.
            row: which it is of those on one server.
        """
        self._pipe.send((attack.name, row))
        if not self._pipe.poll(READY_WITHIN):
            raise TimeoutError(f"the attackers of {attack.name} are not ready")
        self._pipe.recv()

    def attack(self) -> None:
        """Let the attack begin."""
        self._pipe.send("attack")

    def stop(self) -> int:
        """Let it end. Return how many replies the attackers got."""
        self._pipe.send("stop")
        replies: int = self._pipe.recv()
        return replies


@contextmanager
def crew(port: int, data: Path, addresses: int) -> Iterator[Crew]:
    """Start the process. It ends with the block.

    Args:
        port: where the server listens.
        data: its data folder.
        addresses: how many addresses the attackers of a row come from.
    """
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=_run, args=(port, data, addresses, far), daemon=True)
    process.start()
    far.close()
    try:
        yield Crew(near)
    finally:
        process.kill()
        process.join()


def _run(port: int, data: Path, addresses: int, pipe: "Connection[Any, Any]") -> None:
    """In the process: attack as the pipe says, one row after the other."""
    allow_descriptors()
    known = {each.name: each for each in attacks()}  # their functions have no pickle
    while True:
        name, row = pipe.recv()
        _run_row(known[name], row, port, data, addresses, pipe)


def _run_row(
    attack: Attack,
    row: int,
    port: int,
    data: Path,
    addresses: int,
    pipe: "Connection[Any, Any]",
) -> None:
    stop = threading.Event()
    sources = [f"127.0.{1 + row}.{1 + number}" for number in range(addresses)]  # no row shares one
    crowd = [_join_crowd(port, n, sources[n % addresses]) for n in range(attack.crowd)]
    attackers = [
        Attacker(attack, row * ROW + n, port, sources[n % addresses], data, stop)
        for n in range(attack.clients)
    ]
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.ready.wait(READY_WITHIN)
    if crowd:  # alone on its server: it stays
        threading.Thread(target=_drain, args=(crowd,), daemon=True).start()
    pipe.send("ready")
    pipe.recv()
    for attacker in attackers:
        attacker.begin.set()
    pipe.recv()
    stop.set()
    replies = sum(attacker.replies for attacker in attackers)
    for attacker in attackers:
        attacker.end()
    for attacker in attackers:
        attacker.join(ENDED_WITHIN)
    pipe.send(replies)


def _join_crowd(port: int, number: int, source: str) -> socket.socket:
    """Return a connection that is in the room of the crowd, and whose socket does not wait."""
    connected = socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0))
    peer = Peer(connected)
    peer.hello(f"crowd{number}")
    peer.join(CROWD)
    connected.setblocking(False)
    return connected


def _drain(sockets: list[socket.socket]) -> None:
    """Read and drop what the members of the crowd are sent."""
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                if not key.fileobj.recv(262_144):
                    selector.unregister(key.fileobj)
