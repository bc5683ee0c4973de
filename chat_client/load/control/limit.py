"""How much is too much: the rate is raised until a condition breaks.

Each step is a run of its own, with clients and rooms of its own. The rate doubles while the
condition holds (and halves until it does, if the first one broke it), then the gap between the
highest that held and the lowest that broke is halved until it is narrow.

One run says little near the limit: the next may come out the other way. So the two rates between
which the limit is are tried again, and most of their runs decide; the report shows the spread.
"""

from collections.abc import Callable, Sequence

from chat_client.errors import ChatError
from chat_client.load.model.capacity import Capacity, Step, by_rate, limit_of
from chat_client.load.model.load_errors import Interrupted
from chat_client.load.model.result import Result
from chat_client.load.model.units import count_text
from chat_client.load.model.verdict import Condition, generator_limits, rate_reached

NARROW = 1.1
"""The lowest rate that broke over the highest that held: close enough."""

REPEATS = 3
"""How many runs decide about a rate next to the limit. It is odd, so that they do."""

STEPS = 36
"""How many runs are made at the most."""

LOWEST = 1.0
"""A message a second."""


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
