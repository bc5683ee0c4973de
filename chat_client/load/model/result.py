"""What a run found: the merged counts of all workers."""

from typing import Literal

from msgspec import Struct, field

from chat_client.load.model.faults import Faults
from chat_client.load.model.tick import Tick
from chat_client.load.model.workload import Load

Outcome = Literal["passed", "inconclusive", "failed"]

FORMAT = 2
"""Of the files that `--json` writes. Format 1 had no figures but the buckets."""


class Machine(Struct, frozen=True):
    """What a result depends on besides the server. No name of the machine or its owner."""

    python: str
    gil: str
    cores: int
    processor: str
    system: str
    commit: str


class Row(Struct):
    """One second of the time series.

    Attributes:
        second: from when the load began, including the warm-up; -1 is the ramp.
        tick: what was counted in it, over all workers; its phase is the last one.
        up: clients that were in at its end.
        busiest: the largest share of a core that a worker used in it, 0 to 1.
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
    """What the server's process used while it was measured, where that could be seen.

    Attributes:
        cpu: seconds of processor time.
        memory: bytes resident at the end, at most.
        threads: at the end, at most.
    """

    cpu: float
    memory: int
    threads: int


class Check(Struct, frozen=True):
    """One line of the verdict: what was asked, what was found, whether it holds.

    Attributes:
        passed: whether it holds.
        text: what was asked, and found.
        generator: if it does not, that is the load tester's own limit, and not the server's fault.
    """

    passed: bool
    text: str
    generator: bool = False


class Verdict(Struct):
    """The verdict.

    Attributes:
        checks: what decides.
        notes: what one should know before one believes it.
        doubts: why the run says little about the server, whatever the checks say: the generator was
            the limit, or the rate was not reached.
    """

    checks: list[Check]
    notes: list[str]
    doubts: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)

    @property
    def outcome(self) -> Outcome:
        """The verdict in a word; `inconclusive` if the run does not tell how good the server is."""
        failed = [check for check in self.checks if not check.passed]
        if any(not check.generator for check in failed):
            return "failed"
        return "inconclusive" if failed or self.doubts else "passed"


class Result(Struct, kw_only=True):
    """One run.

    Attributes:
        format: of the file that --json writes.
        command: as it was typed.
        started: when, in UTC (ISO 8601).
        server: its address.
        software: the name and version that it tells.
        limited: whether it limits the requests of a client.
        load: what was asked for.
        machine: where the generator ran.
        seconds: how long was measured, after the warm-up.
        drained: seconds from the end of the load until all was answered and heard.
        interrupted: Ctrl-C or q ended it before its time.
        present: clients that were in at the end.
        measured: counts of what was measured. The latencies are of all that was due within it.
        whole: counts from the first connection to the last message.
        expected: deliveries that were owed, from the first message to the last.
        received: deliveries that were made.
        faults: what is wrong with those.
        examples: sentences about the first few.
        errors: by code, over the whole run.
        busiest: the largest share of a core that a worker used while it was measured, 0 to 1.
        server_side: of the server's process.
        rooms_kept: rooms that are still on the server.
        rows: the time series.
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
        """Return a count of what was measured as so many a second."""
        return count / self.seconds if self.seconds else 0.0
