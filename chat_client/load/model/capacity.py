"""What a search for the limit found: its runs, the limit, and the finding in a sentence."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from chat_client.load.model.result import Result
from chat_client.load.model.units import count_text, time_text


class Step(Struct, frozen=True):
    """One run.

    Attributes:
        rate: the rate that was asked for, in messages a second.
        held: whether the condition held, nothing went wrong with deliveries, and the rate was
            reached.
        reason: why the rate did not hold, or "".
        confirmed: messages a second that the server confirmed.
        deliveries: deliveries a second.
        p50: median delivery latency in µs, None if nothing was delivered.
        p99: 99th percentile of the delivery latency in µs, None if nothing was delivered.
        server_cpu: the share of a core that the server used, None if it is not known.
        generator: why the generator was the limit, [] if it was not.
    """

    rate: float
    held: bool
    reason: str
    confirmed: float
    deliveries: float
    p50: int | None
    p99: int | None
    server_cpu: float | None
    generator: list[str]


class Tried(NamedTuple):
    """A rate: how many runs were made at it, and in how many of them it held."""

    rate: float
    runs: int
    held: int

    @property
    def holds(self) -> bool:
        """Whether the rate held in most of its runs."""
        return self.held * 2 > self.runs


class Capacity(Struct, kw_only=True):
    """What a search for the limit found.

    Attributes:
        condition: the condition that had to hold.
        interrupted: whether Ctrl-C ended the search before it had found the limit.
        broke_off: why the search could not go on, or "".
        steps: the runs, in the order in which they were made.
        last: a run at the highest rate that held; if none held, the last run.
    """

    condition: str
    interrupted: bool = False
    broke_off: str = ""
    steps: list[Step]
    last: Result

    @property
    def highest(self) -> float | None:
        """The highest rate that held, None if none did."""
        return limit_of([(step.rate, step.held) for step in self.steps])[0]

    @property
    def broke(self) -> float | None:
        """The lowest rate that broke, None if none did."""
        return limit_of([(step.rate, step.held) for step in self.steps])[1]

    @property
    def rates(self) -> list[float]:
        """The rates that were tried, ascending."""
        return sorted({step.rate for step in self.steps})

    def runs_at(self, rate: float | None) -> list[Step]:
        """Return the runs at a rate."""
        return [step for step in self.steps if step.rate == rate]


def by_rate(runs: Sequence[tuple[float, bool]]) -> list[Tried]:
    """Group runs by their rate, ascending.

    Args:
        runs: the rate of each run, and whether it held.
    """
    rates = sorted({rate for rate, _ in runs})
    return [
        Tried(
            rate,
            sum(other == rate for other, _ in runs),
            sum(held for other, held in runs if other == rate),
        )
        for rate in rates
    ]


def limit_of(runs: Sequence[tuple[float, bool]]) -> tuple[float | None, float | None]:
    """Return the highest rate that held, of those below the lowest that broke, and the latter.

    Args:
        runs: the rate of each run, and whether it held.

    Returns:
        Both rates, None for one that there is not.
    """
    tried = by_rate(runs)
    broke = min((each.rate for each in tried if not each.holds), default=None)
    below = [each.rate for each in tried if each.holds and (broke is None or each.rate < broke)]
    return max(below, default=None), broke


def finding(capacity: Capacity) -> str:
    """Return what was found as a few sentences."""
    found = f"{_found(capacity)}{_generator(capacity)}"
    if capacity.broke_off:
        found += f" The search broke off: {capacity.broke_off.rstrip('.')}."
    return found


def doubtful(capacity: Capacity) -> bool:
    """Return whether the limit that was found may not be the server's."""
    return bool(
        capacity.broke is None or capacity.interrupted or capacity.broke_off or _generator(capacity)
    )


def middle_run(runs: Sequence[Step]) -> Step:
    """Return the run whose p99 is the median one."""
    return sorted(runs, key=_p99_of)[len(runs) // 2]


def held_text(runs: Sequence[Step]) -> str:
    """Return in how many runs a rate held, such as "2 of 3"."""
    return f"{sum(step.held for step in runs)} of {len(runs)}"


def _found(capacity: Capacity) -> str:
    highest, broke = capacity.highest, capacity.broke
    if highest is None:
        return f"{capacity.condition} held at no rate that was tried."
    found = (
        f"{capacity.condition} held up to {count_text(highest)} messages/s "
        f"({_spread(capacity.runs_at(highest))})"
    )
    if broke is None:
        return f"{found}; nothing higher was tried."
    runs = capacity.runs_at(broke)
    reason = next(step.reason for step in runs if not step.held)
    return f"{found}, and not at {count_text(broke)} ({_spread(runs)}): {reason}."


def _spread(runs: Sequence[Step]) -> str:
    """In how many runs a rate held, and the lowest and highest p99 of them."""

    values = [step.p99 for step in runs if step.p99 is not None]
    held = f"{held_text(runs)} run{'' if len(runs) == 1 else 's'}"
    if not values:
        return held
    if len(values) == 1:
        return f"{held}, p99 {time_text(values[0])}"
    return f"{held}, p99 {time_text(min(values))} to {time_text(max(values))}"


def _generator(capacity: Capacity) -> str:
    reasons = [step.generator for step in capacity.runs_at(capacity.broke) if step.generator]
    if not reasons:
        return ""
    return f" There the generator was the limit, not the server: {reasons[0][0]}."


def _p99_of(step: Step) -> int:
    return step.p99 or 0
