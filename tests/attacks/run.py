"""One attack on a fresh server, and what came of it."""

import time
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks.server_process import ServerProcess, running_server
from tests.attacks.bystander import Bystander
from tests.attacks.catalogue import Attack
from tests.attacks.crew import crew

WARM_UP = 1.0
"""Seconds of the attack that are not measured."""

STOP_WITHIN = 15.0


class State(NamedTuple):
    """What the server takes at a moment: bytes, and threads."""

    memory: int
    threads: int


class Outcome(NamedTuple):
    """What came of an attack.

    Attributes:
        taken: seconds, of each thing that the bystander did, by kind.
        replies: how many the attackers got.
        before: the server, ahead of the attack.
        during: the most memory that it took, and the threads at the end of the attack.
        after: the server, when the attackers are gone.
        stopped: seconds that it took to end.
        faults: what went wrong.
    """

    attack: Attack
    taken: dict[str, list[float]]
    replies: int
    before: State
    during: State
    after: State
    stopped: float
    faults: list[str]


def run(attack: Attack, seconds: float, addresses: int) -> Outcome:
    """Attack a server for some seconds, and watch as a bystander."""
    with running_server("chat_server") as server, ExitStack() as opened:
        port = server.address[1]
        bystander = Bystander(port, opened, in_crowd=attack.in_crowd)
        before = _state(server)
        server.forget_peak()
        with crew(attack, port, addresses) as attackers:
            attackers.attack()
            time.sleep(WARM_UP)
            taken, faults = bystander.watch(seconds)
            during = State(server.peak_resident_bytes(), server.threads())
            replies = attackers.stop()
        time.sleep(WARM_UP)
        after = _state(server)
        begun = time.monotonic()
        server.child.terminate()
        code = server.wait_for_exit(STOP_WITHIN)
        stopped = time.monotonic() - begun
        if code != 0:
            faults.append(f"the server ended with {code}")
        if server.tracebacks():
            faults.append(f"{server.tracebacks()} tracebacks in its log")
        return Outcome(attack, taken, replies, before, during, after, stopped, faults)


def _state(server: ServerProcess) -> State:
    return State(server.resident_bytes(), server.threads())
