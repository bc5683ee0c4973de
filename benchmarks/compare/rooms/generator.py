"""Runs the generator in C: compiles it, hands it the plan of a work, and reads what it measured."""

import functools
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import RunFailedError
from benchmarks.compare.figures import Figures
from benchmarks.compare.rooms.streams import stored_troubles
from benchmarks.compare.wires import TEXT_BYTES, Wire
from benchmarks.server_process import ServerProcess

SOURCE = Path(__file__).with_name("generator.c")

_NUMBER = "########"
"""Stands in a text for its number."""

_FIRST_ID = 10_000_000
"""Our requests have ids of eight digits, so that each text is sent in as many bytes. The generator
writes a number into the last seven."""


@dataclass(frozen=True)
class Rooms:
    """Rooms of one size, and how their members talk.

    Attributes:
        rooms: how many there are.
        members: how many clients are in each.
        talkers: how many of them talk; 0 if the clients only come in.
        window: how many texts that not all of its room have each talker keeps, or 0.
        rate: how many texts are due each second in all rooms together, or 0.
        entering: how many clients may be on their way in at once.
    """

    rooms: int
    members: int
    talkers: int = 0
    window: int = 0
    rate: int = 0
    entering: int = 200

    @property
    def clients(self) -> int:
        """How many clients there are in all."""
        return self.rooms * self.members


def missing() -> str:
    """Return what must be installed first, or "" if nothing must."""
    if _compiler():
        return ""
    return "left out, no C compiler for its generator; Debian's gcc is one"


def measure(
    rooms: Rooms, server: ServerProcess, wire: Wire, warm_up: float, seconds: float
) -> Figures:
    """Give a running server the work once.

    Args:
        rooms: the rooms.
        server: the server.
        wire: its protocol.
        warm_up: seconds that are not measured.
        seconds: seconds that are measured.

    Raises:
        RunFailedError: the server did not let all clients in.
    """
    plan = _plan(rooms, server.address[1], wire, warm_up, seconds)
    with tempfile.TemporaryFile("w+") as file:
        file.write(plan)
        file.seek(0)
        with subprocess.Popen(
            [_program()], stdin=file, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as child:
            try:
                told = _listen(child, server)
            finally:
                child.kill()
    figures = _figures(rooms, wire, told)
    if wire.acknowledges:
        names = [_name(room) for room in range(rooms.rooms)]
        figures.troubles += stored_troubles(server.address, names, wire, int(told["taken"][0]))
    return figures


# -- the program


def _compiler() -> str:
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), "")


@functools.cache
def _built() -> "tempfile.TemporaryDirectory[str]":
    """Compile the generator into a folder that is there as long as this process."""
    folder = tempfile.TemporaryDirectory(prefix="backchannel-generator-")
    command = [_compiler(), "-O2", "-o", f"{folder.name}/generator", str(SOURCE)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise RunFailedError(f"the generator does not compile:\n{said.stderr.strip()}")
    return folder


def _program() -> str:
    return f"{_built().name}/generator"


# -- what it is told


def _name(room: int) -> str:
    return f"room{room}"


def _plan(rooms: Rooms, port: int, wire: Wire, warm_up: float, seconds: float) -> str:
    acknowledged_by = wire.acknowledges[0] if wire.acknowledges else 0
    if not rooms.talkers:
        seconds = 0.0
    head = [port, rooms.entering, rooms.window, rooms.rate, warm_up, seconds]
    head += [acknowledged_by, int(wire.ordered), rooms.rooms, rooms.clients]
    lines = [" ".join(map(str, head))]
    for room in range(rooms.rooms):
        lines += (_client(rooms, room, member, wire) for member in range(rooms.members))
    return "\n".join(lines) + "\n"


def _client(rooms: Rooms, room: int, member: int, wire: Wire) -> str:
    ((entrance, answer),) = wire.entrance(f"n{room}x{member}", _name(room))
    text = f"^{room:03d}{member:03d}{_NUMBER}".ljust(TEXT_BYTES, "x")
    sent = wire.publish(_name(room), text, _FIRST_ID)
    number_at = sent.index(_NUMBER.encode())
    before, found, _ = sent.partition(b'"id":1')
    id_at = len(before + found) if found else -1
    talker = member if member < rooms.talkers else -1
    return f"{room} {talker} {number_at} {id_at} {entrance.hex()} {answer.hex()} {sent.hex()}"


# -- what it says


def _listen(child: "subprocess.Popen[str]", server: ServerProcess) -> dict[str, list[str]]:
    """Return what the generator says: for the first word of each line, the others.

    The processor time of the server is noted at each of the moments that the generator tells of.
    """
    assert child.stdout is not None
    told: dict[str, list[str]] = {"trouble": []}
    for line in child.stdout:
        word, _, rest = line.rstrip("\n").partition(" ")
        if word in ("enter", "in", "start", "stop"):
            told[f"{word} cpu"] = [str(server.cpu_seconds())]
        if word == "trouble":
            told[word].append(rest)
        elif word == "failed":
            raise RunFailedError(rest)
        else:
            told[word] = rest.split()
    return told


def _figures(rooms: Rooms, wire: Wire, told: dict[str, list[str]]) -> Figures:
    def value(name: str) -> float:
        return float(told[name][0])

    figures = Figures(
        rounds=1,
        clients=rooms.clients,
        entering=value("in"),
        entering_cpu=value("in cpu") - value("enter cpu"),
        troubles=told["trouble"],
    )
    if rooms.talkers:
        figures.seconds = value("seconds")
        figures.deliveries = int(told["deliveries"][0])
        figures.messages = figures.deliveries / (1 if wire.acknowledges else rooms.members)
        figures.server_cpu = value("stop cpu") - value("start cpu")
        figures.own_cpu = value("cpu")
        figures.gap = value("gap")
        figures.latencies = _counted(told["latencies"])
        figures.lateness = _counted(told["lateness"])
    return figures


def _counted(pairs: list[str]) -> Counter[int]:
    return Counter({int(value): int(count) for value, count in (p.split(":") for p in pairs)})
