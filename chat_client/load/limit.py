"""How much is too much: the rate is raised until a condition breaks.

Each step is a run of its own, with clients and rooms of its own. The rate doubles while the
condition holds (and halves until it does, if the first one broke it), then the gap between the
highest that held and the lowest that broke is halved until it is narrow.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from chat_client.load.result import Result
from chat_client.load.units import UNBOUNDED, count_text, time_text
from chat_client.load.verdict import Condition, generator_limits
from chat_client.text import wrap

NARROW = 1.1
"""The lowest rate that broke over the highest that held: close enough."""

STEPS = 24
"""How many rates are tried at the most."""

LOWEST = 1.0
"""A message a second."""


class Step(Struct, frozen=True):
    """One rate that was tried.

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


class Capacity(Struct, kw_only=True):
    """What was found.

    Attributes:
        format: of the file that --json writes; 1.
        condition: what had to hold.
        interrupted: Ctrl-C ended it before the limit was found.
        steps: the rates that were tried, in that order.
        last: the run at the highest rate that held, or else the last one.
    """

    format: int = 1
    condition: str
    interrupted: bool = False
    steps: list[Step]
    last: Result

    @property
    def highest(self) -> float | None:
        """The highest rate that held, None if none did."""
        return max((step.rate for step in self.steps if step.held), default=None)


def next_rate(tried: Sequence[tuple[float, bool]], first: float) -> float | None:
    """Return the rate to try next, None if it is found or there is no end.

    Args:
        tried: each rate so far, and whether it held.
        first: the one to begin with.
    """
    if not tried:
        return first
    if len(tried) >= STEPS:
        return None
    held = max((rate for rate, good in tried if good), default=None)
    broke = min((rate for rate, good in tried if not good), default=None)
    if broke is None:
        return tried[-1][0] * 2
    if held is None:
        return broke / 2 if broke / 2 >= LOWEST else None
    if broke / held <= NARROW:
        return None
    return float(round((held * broke) ** 0.5, 1))


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
    while (rate := next_rate([(s.rate, s.held) for s in steps], first)) is not None:
        result = make_run(rate, len(steps))
        if result.interrupted and steps:
            break  # it says nothing about this rate
        step = _step(rate, condition, result)
        highest = max((s.rate for s in steps if s.held), default=0.0)
        if not highest or (step.held and rate > highest):
            last = result
        steps.append(step)
        if result.interrupted:
            break
    return Capacity(
        condition=condition.text, interrupted=result.interrupted, steps=steps, last=last or result
    )


def capacity_lines(capacity: Capacity, width: int = UNBOUNDED) -> list[str]:
    """Return the report for a terminal of so many cells: the finding first, then the curve."""
    lines = [*wrap(finding(capacity), width, 0, 0), ""]
    lines.append(f"{'messages/s':>11}{'deliveries/s':>14}{'p50':>10}{'p99':>10}{'server':>9}")
    top = max((step.p99 or 0 for step in capacity.steps), default=0) or 1
    for step in sorted(capacity.steps, key=_rate_of):
        cpu = "-" if step.server_cpu is None else f"{step.server_cpu:.0%}"
        bar = "█" * max(1, round(20 * (step.p99 or 0) / top))
        line = (
            f"{count_text(step.rate):>11}{count_text(step.deliveries):>14}"
            f"{time_text(step.p50):>10}{time_text(step.p99):>10}{cpu:>9}  {bar} "
        )
        why = f" {step.reason}" if len(line) + 2 + len(step.reason) <= width else ""
        lines.append(line + ("✓" if step.held else f"✗{why}"))
    return lines


def finding(capacity: Capacity) -> str:
    """Return in a sentence what was found."""
    highest = capacity.highest
    if highest is None:
        return f"{capacity.condition} held at no rate that was tried."
    found = f"{capacity.condition} held up to {count_text(highest)} messages/s"
    broke = [step for step in capacity.steps if step.rate > highest]
    if not broke:
        return f"{found}; nothing higher was tried."
    lowest = min(broke, key=_rate_of)
    found += f", and not at {count_text(lowest.rate)}: {lowest.reason}."
    if lowest.generator:
        found += f" There the generator was the limit, not the server: {lowest.generator[0]}."
    return found


def write_capacity(capacity: Capacity) -> bytes:
    """Return what was found as JSON."""
    return msgspec.json.format(msgspec.json.encode(capacity), indent=1) + b"\n"


def _rate_of(step: Step) -> float:
    return step.rate


def _step(rate: float, condition: Condition, result: Result) -> Step:
    reason = _why_not(rate, condition, result)
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


def _why_not(rate: float, condition: Condition, result: Result) -> str:
    if result.faults:
        return result.faults.named()
    if not condition.holds(result):
        return condition.found_text(result)
    said = result.per_second(result.measured.sent)
    if said < 0.97 * rate and result.measured.sent < 0.97 * rate * result.seconds - 2:
        return f"only {count_text(said)} messages/s were said"
    return ""
