"""What a run found: the merged counts of all workers."""

from typing import Literal

from msgspec import Struct, field

from chat_client.load.model.faults import Faults
from chat_client.load.model.tick import Tick
from chat_client.load.model.workload import Load

Outcome = Literal["passed", "inconclusive", "failed"]

FORMAT = 2
"""The version of the files that `--json` writes. Version 1 had only the buckets, and no figures."""


class Machine(Struct, frozen=True):
    """The machine that the load tester runs on. It does not name the machine or its owner."""

    python: str
    gil: str
    cores: int
    processor: str
    system: str
    commit: str


class Row(Struct):
    """One second of the time series.

    Attributes:
        second: seconds since the load, including the warm-up, began; -1 is the ramp.
        tick: what all workers counted in this second. Its phase is the one at the end.
        up: clients in their rooms at the end of the second.
        busiest: the largest share of a core that a worker used, 0 to 1.
        server_cpu: the share of a core that the server used, 0 to 1 and more; None if not known.
        server_memory: the server's resident bytes; None if not known.
    """

    second: int
    tick: Tick
    up: int = 0
    busiest: float = 0.0
    server_cpu: float | None = None
    server_memory: int | None = None


class ErrorCount(Struct):
    """Errors of one code: how many, and the second of the first and of the last."""

    count: int
    first: float
    last: float


class ServerSide(Struct):
    """What the server's process used, if it runs on this machine.

    Attributes:
        cpu: seconds of processor time while it was measured.
        memory: the most resident bytes that were seen.
        threads: the most threads that were seen.
    """

    cpu: float
    memory: int
    threads: int


class Check(Struct, frozen=True):
    """One check of the verdict.

    Attributes:
        passed: whether the check passed.
        text: what was checked, and what was found.
        generator: whether a failure is the load tester's own limit, and not the server's fault.
    """

    passed: bool
    text: str
    generator: bool = False


class Verdict(Struct):
    """The verdict.

    Attributes:
        checks: what decides whether the run passed.
        notes: what a reader should know before they believe the figures.
        doubts: why the run says little about the server: the generator was the limit, or the rate
            was not reached.
    """

    checks: list[Check]
    notes: list[str]
    doubts: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def outcome(self) -> Outcome:
        """The verdict in a word: `inconclusive` if the run says little about the server."""
        failed = [check for check in self.checks if not check.passed]
        if any(not check.generator for check in failed):
            return "failed"
        return "inconclusive" if failed or self.doubts else "passed"


class Result(Struct, kw_only=True):
    """One run.

    Attributes:
        format: the version of the file that `--json` writes.
        command: the command line, as it was typed.
        started: when the run began, in UTC (ISO 8601).
        server: the server's address.
        software: the name and version that the server sends.
        limited: whether the server limits the rate of each client's requests.
        load: what was asked of the server.
        machine: the machine that the load tester ran on.
        seconds: how long was measured, after the warm-up.
        drained: seconds from the end of the load until every reply and message had come.
        interrupted: whether Ctrl-C or q ended the load early.
        present: clients in their rooms at the end.
        measured: the counts while it was measured. Its latencies are those of every message that
            was due then, also if it came later.
        whole: the counts from the first connection to the last message.
        expected: deliveries that the server owed over the whole run.
        received: deliveries that it made over the whole run.
        faults: what went wrong with deliveries.
        examples: sentences about the first few faults.
        errors: errors over the whole run, by code.
        busiest: the largest share of a core that a worker used while it was measured, 0 to 1.
        server_side: what the server's process used, None if it is not visible.
        rooms_kept: rooms of the run that are still on the server.
        rows: the time series, one row a second.
        verdict: the verdict.
    """

    format: int = FORMAT
    command: str
    started: str
    server: str
    software: str
    limited: bool
    load: Load
    machine: Machine
    seconds: float = 0.0
    drained: float = 0.0
    interrupted: bool = False
    present: int = 0
    measured: Tick
    whole: Tick
    expected: int = 0
    received: int = 0
    faults: Faults = field(default_factory=Faults)
    examples: list[str] = field(default_factory=list)
    errors: dict[str, ErrorCount] = field(default_factory=dict)
    busiest: float = 0.0
    server_side: ServerSide | None = None
    rooms_kept: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: Verdict([], []))

    def per_second(self, count: int) -> float:
        """Return a count of the measured time as a rate a second."""

        return count / self.seconds if self.seconds else 0.0
