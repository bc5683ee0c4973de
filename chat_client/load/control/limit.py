"""How much is too much: the rate is raised until a condition breaks.

Each step is a run of its own, with clients and rooms of its own. The rate doubles while the
condition holds (and halves until it does, if the first one broke it), then the gap between the
highest that held and the lowest that broke is halved until it is narrow.

One run says little near the limit: the next may come out the other way. So the two rates between
which the limit is are tried again, and most of their runs decide; the report shows the spread.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from chat_client.display.text import wrap
from chat_client.errors import ChatError
from chat_client.load.model.load_errors import Interrupted
from chat_client.load.model.result import Result
from chat_client.load.model.units import UNBOUNDED, count_text, time_text
from chat_client.load.model.verdict import Condition, generator_limits, rate_reached

NARROW = 1.1
"""The lowest rate that broke over the highest that held: close enough."""

REPEATS = 3
"""How many runs decide about a rate next to the limit. It is odd, so that they do."""

STEPS = 36
"""How many runs are made at the most."""

_BAR = 12
"""Cells of the longest bar of the curve."""

LOWEST = 1.0
"""A message a second."""


class Step(Struct, frozen=True):
    """One run.

    Attributes:
        rate: messages a second.
        held: whether the condition held, nothing was lost and the rate was reached.
        reason: why not, or "".
        confirmed: messages a second that the server confirmed.
        deliveries: a second.
        p50: delivery latency in µs, None if there was none.
        p99: delivery latency in µs, None if there was none.
        server_cpu: the share of a core that the server used, None if not known.
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
    """What was found out about a rate: how many runs were made, and in how many it held."""

    rate: float
    runs: int
    held: int

    @property
    def holds(self) -> bool:
        """Whether it held in most of them."""
        return self.held * 2 > self.runs


class Capacity(Struct, kw_only=True):
    """What was found.

    Attributes:
        condition: what had to hold.
        interrupted: Ctrl-C ended it before the limit was found.
        broke_off: why the search could not go on, or "".
        steps: the runs that were made, in that order.
        last: a run at the highest rate that held, or else the last one.
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
    """Return what was found out about each rate, ascending."""
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
    """Return the lowest rate that broke and, ahead of it, the highest below that held."""
    tried = by_rate(runs)
    broke = min((each.rate for each in tried if not each.holds), default=None)
    below = [each.rate for each in tried if each.holds and (broke is None or each.rate < broke)]
    return max(below, default=None), broke


def next_rate(runs: Sequence[tuple[float, bool]], first: float) -> float | None:
    """Return the rate to try next, None if it is found or there is no end.

    Args:
        runs: the rate of each run so far, and whether the condition held.
        first: the one to begin with.
    """
    if not runs:
        return first
    if len(runs) >= STEPS:
        return None
    tried = by_rate(runs)
    begun = [each.rate for each in tried if 1 < each.runs < REPEATS]
    if begun:
        return begun[0]
    held, broke = limit_of(runs)
    if broke is None:
        return tried[-1].rate * 2
    if held is None:
        return broke / 2 if broke / 2 >= LOWEST else None
    if broke / held > NARROW:
        return float(round((held * broke) ** 0.5, 1))
    edge = [each.rate for each in tried if each.rate in (held, broke) and each.runs < REPEATS]
    return edge[0] if edge else None


def find_limit(
    first: float, condition: Condition, make_run: Callable[[float, int], Result]
) -> Capacity:
    """Raise the rate until `condition` breaks, or a run is interrupted.

    Args:
        first: the rate to begin with, in messages a second.
        condition: what must hold.
        make_run: makes a run at a rate, given which step it is (from 0).
    """
    steps: list[Step] = []
    last: Result | None = None
    interrupted, broke_off = False, ""
    while (rate := next_rate([(s.rate, s.held) for s in steps], first)) is not None:
        try:
            result = make_run(rate, len(steps))
        except ChatError as error:
            if last is None:
                raise
            interrupted = isinstance(error, Interrupted)
            broke_off = "" if interrupted else str(error)
            break
        interrupted = result.interrupted
        if interrupted and steps:
            break  # it says nothing about this rate
        step = _step(rate, condition, result)
        steps.append(step)
        highest = limit_of([(s.rate, s.held) for s in steps])[0]
        if last is None or highest is None or (step.held and rate == highest):
            last = result
        if interrupted:
            break
    assert last is not None
    return Capacity(
        condition=condition.text,
        interrupted=interrupted,
        broke_off=broke_off,
        steps=steps,
        last=last,
    )


def capacity_lines(capacity: Capacity, width: int = UNBOUNDED) -> list[str]:
    """Return the report for a terminal of so many cells: the finding first, then the curve."""
    lines = [*wrap(finding(capacity), width, 0, 0), ""]
    lines.append(
        f"{'messages/s':>11}{'deliveries/s':>14}{'p50':>9}{'p99':>9}{'from':>9}{'to':>9}"
        f"{'server':>8}  held"
    )
    top = max((step.p99 or 0 for step in capacity.steps), default=0) or 1
    for rate in capacity.rates:
        runs = capacity.runs_at(rate)
        lines.append(_rate_line(runs, top, width))
    return lines


def finding(capacity: Capacity) -> str:
    """Return in a few sentences what was found."""
    found = f"{_found(capacity)}{_generator(capacity)}"
    if capacity.broke_off:
        found += f" The search broke off: {capacity.broke_off.rstrip('.')}."
    return found


def doubtful(capacity: Capacity) -> bool:
    """Return whether what was found may not be the server's limit."""
    return bool(
        capacity.broke is None or capacity.interrupted or capacity.broke_off or _generator(capacity)
    )


def middle_run(runs: Sequence[Step]) -> Step:
    """Return the run whose p99 is the median one."""
    return sorted(runs, key=_p99_of)[len(runs) // 2]


def held_text(runs: Sequence[Step]) -> str:
    """Return in how many of its runs a rate held, such as "2 of 3"."""
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
    """In how many runs a rate held, and between which values the p99 was."""
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


def _rate_line(runs: Sequence[Step], top: float, width: int) -> str:
    step, values = middle_run(runs), [each.p99 for each in runs if each.p99 is not None]
    cpu = "-" if step.server_cpu is None else f"{step.server_cpu:.0%}"
    good = sum(each.held for each in runs) * 2 > len(runs)
    line = (
        f"{count_text(step.rate):>11}{count_text(step.deliveries):>14}"
        f"{time_text(step.p50):>9}{time_text(step.p99):>9}"
        f"{time_text(min(values, default=None)):>9}{time_text(max(values, default=None)):>9}"
        f"{cpu:>8}  {'✓' if good else '✗'} {held_text(runs)}"
    )
    reason = next((each.reason for each in runs if not each.held), "")
    bar = "  " + "█" * max(1, round(_BAR * (step.p99 or 0) / top))
    for more in (bar, f" {reason}" if reason else ""):
        if len(line) + len(more) <= width:
            line += more
    return line


def _p99_of(step: Step) -> int:
    return step.p99 or 0


def _step(rate: float, condition: Condition, result: Result) -> Step:
    reason = _why_not(condition, result)
    side, delivery = result.server_side, result.measured.delivery
    return Step(
        rate=rate,
        held=not reason,
        reason=reason,
        confirmed=result.per_second(result.measured.confirmed),
        deliveries=result.per_second(result.measured.deliveries),
        p50=delivery.percentile(50),
        p99=delivery.percentile(99),
        server_cpu=side.cpu / result.seconds if side and result.seconds else None,
        generator=generator_limits(result),
    )


def _why_not(condition: Condition, result: Result) -> str:
    if result.faults:
        return result.faults.named()
    if not condition.holds(result):
        return condition.found_text(result)
    if not rate_reached(result):
        said = result.per_second(result.measured.sent)
        return f"only {count_text(said)} messages/s were said"
    return ""
