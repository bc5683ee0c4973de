"""Attacks on a fresh server, one after the other, and what came of each."""

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from benchmarks.server_process import ServerProcess, running_server
from tests.attacks.attack import Attack
from tests.attacks.bystander import Bystander
from tests.attacks.crew import Crew, crew
from tests.attacks.metronome import Metronome, metronome

WARM_UP = 0.3
"""Seconds of each attack that are not measured, and seconds after it."""

IDLE = 1.0
"""Seconds that a server is watched ahead of the attacks on it."""

SETTLED_WITHIN = 5.0
"""Seconds for the server to be rid of the attackers of one row."""

STOOD_STILL = 0.03
TRIES = 3
"""A row in which the machine itself stood still for more seconds than that is measured again, until
it was so often.
"""

STOP_WITHIN = 15.0

TAKES = 2 * WARM_UP + 0.4
"""Seconds that a row takes beside those that are measured, roughly."""

SERVER_TAKES = IDLE + 4.0
"""Seconds that a server takes to start and stop, with its first look, roughly."""


class State(NamedTuple):
    """What the server takes at a moment: bytes, and threads."""

    memory: int
    threads: int


Taken = dict[str, list[float]]
"""Seconds, of each thing that the bystander did, by kind."""


class Outcome(NamedTuple):
    """What came of an attack.

    Attributes:
        taken: what the bystander's requests took.
        idle: what they took ahead of the attacks on that server.
        replies: how many the attackers got.
        before: the server, ahead of the attack.
        during: the most memory that it took, and the threads at the end of the attack.
        after: the server, when the attackers are gone.
        busy: how much of one processor the server took meanwhile, from 0.
        stood_still: the longest time, in seconds, that the machine itself did.
        faults: what went wrong.
    """

    attack: Attack
    taken: Taken
    idle: Taken
    replies: int
    before: State
    during: State
    after: State
    busy: float
    stood_still: float
    faults: list[str]


class Ending(NamedTuple):
    """How a server ended, which several attacks were tried on.

    Attributes:
        group: of the attacks.
        seconds: how long that took.
        faults: what went wrong.
    """

    group: str
    seconds: float
    faults: list[str]


def run(attacks: Sequence[Attack], seconds: float, addresses: int) -> Iterator[Outcome | Ending]:
    """Attack one server in each way, for some seconds, and watch as a bystander.

    Yields: what came of each attack; last, how the server ended.
    """
    with running_server("chat_server") as server, ExitStack() as opened:
        port, data = server.address[1], Path(server.log).parent / "data"
        in_crowd = any(attack.in_crowd for attack in attacks)
        bystander = Bystander(port, opened, in_crowd=in_crowd)
        attackers = opened.enter_context(crew(port, data, addresses))
        beats = opened.enter_context(metronome())
        idle, _ = bystander.watch(IDLE)
        rows = itertools.count()
        for attack in attacks:
            for _ in range(TRIES):
                row = next(rows)
                came = _run_row(server, bystander, attackers, beats, attack, row, seconds, idle)
                if came.stood_still <= STOOD_STILL:
                    break
            yield came
        begun, faults = time.monotonic(), []
        server.child.terminate()
        code = server.wait_for_exit(STOP_WITHIN)
        stopped = time.monotonic() - begun
        if code != 0:
            faults.append(f"the server ended with {code}")
        if server.tracebacks():
            faults.append(f"{server.tracebacks()} tracebacks in its log")
    yield Ending(attacks[0].group, stopped, faults)


def _run_row(
    server: ServerProcess,
    bystander: Bystander,
    attackers: Crew,
    beats: Metronome,
    attack: Attack,
    row: int,
    seconds: float,
    idle: Taken,
) -> Outcome:
    before = _state(server)
    server.forget_peak()
    attackers.get_ready(attack, row)
    attackers.attack()
    time.sleep(WARM_UP)
    beats.stood_still()
    used, begun = server.cpu_seconds(), time.monotonic()
    taken, faults = bystander.watch(seconds)
    busy = (server.cpu_seconds() - used) / (time.monotonic() - begun)
    stood_still = beats.stood_still()
    during = State(server.peak_resident_bytes(), server.threads())
    replies = attackers.stop()
    _let_settle(server, before.threads)
    after = _state(server)
    return Outcome(attack, taken, idle, replies, before, during, after, busy, stood_still, faults)


def _let_settle(server: ServerProcess, threads: int) -> None:
    """Wait until the attackers are gone, or the next attack would be blamed for them."""
    until = time.monotonic() + SETTLED_WITHIN
    time.sleep(WARM_UP)
    while server.threads() > threads and time.monotonic() < until:
        time.sleep(0.1)


def _state(server: ServerProcess) -> State:
    return State(server.resident_bytes(), server.threads())
