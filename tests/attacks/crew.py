"""All attackers in a process of their own, so that they do not hold up the bystander's threads."""

import multiprocessing
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from protocol.common.descriptors import allow_descriptors
from tests.attacks.attacker import Attacker
from tests.attacks.catalogue import CROWD, Attack, attacks
from tests.support.peer import Peer

READY_WITHIN = 60.0
"""Seconds until all attackers must have their rooms."""


class Crew:
    """The attackers' process, as seen by whoever started it."""

    def __init__(self, pipe: "Connection[Any, Any]") -> None:
        self._pipe = pipe

    def attack(self) -> None:
        """Let the attack begin."""
        self._pipe.send("attack")

    def stop(self) -> int:
        """Let it end. Return how many replies the attackers got."""
        self._pipe.send("stop")
        replies: int = self._pipe.recv()
        return replies


@contextmanager
def crew(attack: Attack, port: int, addresses: int) -> Iterator[Crew]:
    """Start the attackers, and wait until each has its rooms. They end with the block.

    Args:
        attack: what they do.
        port: where the server listens.
        addresses: how many addresses they come from.
    """
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=_run, args=(attack.name, port, addresses, far), daemon=True)
    process.start()
    far.close()
    try:
        if not near.poll(READY_WITHIN):
            raise TimeoutError(f"the attackers of {attack.name} are not ready")
        near.recv()
        yield Crew(near)
    finally:
        process.kill()
        process.join()


def _run(name: str, port: int, addresses: int, pipe: "Connection[Any, Any]") -> None:
    """In the process: attack from when the pipe says so until it says stop."""
    allow_descriptors()
    (attack,) = (each for each in attacks() if each.name == name)  # its functions have no pickle
    stop = threading.Event()
    crowd = [_join_crowd(port, number, addresses) for number in range(attack.crowd)]
    attackers = [
        Attacker(attack, number, port, f"127.0.1.{1 + number % addresses}", stop)
        for number in range(attack.clients)
    ]
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.ready.wait(READY_WITHIN)
    if crowd:
        threading.Thread(target=_drain, args=(crowd,), daemon=True).start()
    pipe.send("ready")
    pipe.recv()
    for attacker in attackers:
        attacker.begin.set()
    pipe.recv()
    stop.set()
    pipe.send(sum(attacker.replies for attacker in attackers))
    pipe.recv()  # until it is killed


def _join_crowd(port: int, number: int, addresses: int) -> socket.socket:
    """Return a connection that is in the room of the crowd, and whose socket does not wait."""
    source = (f"127.0.1.{1 + number % addresses}", 0)
    connected = socket.create_connection(("127.0.0.1", port), 20, source_address=source)
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
