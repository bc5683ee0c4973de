"""The search for the limit: raise the rate until a condition breaks.

Each step is a run with clients and rooms of its own. The rate doubles while the condition holds. If
the first rate breaks it, the rate halves until the condition holds. Then the search halves the gap
between the highest rate that held and the lowest that broke, until it is narrow.

Near the limit a single run says little: the next one may end the other way. So the two rates around
the limit are tried again, the majority of their runs decides, and the report shows the spread.
"""

from collections.abc import Callable, Sequence

from chat_client.errors import ChatError
from chat_client.load.model.capacity import Capacity, Step, by_rate, limit_of
from chat_client.load.model.load_errors import Interrupted
from chat_client.load.model.result import Result
from chat_client.load.model.units import count_text
from chat_client.load.model.verdict import Condition, generator_limits, rate_reached

NARROW = 1.1
"""The search ends when the lowest rate that broke is at most this times the highest that held."""

REPEATS = 3
"""How many runs decide about a rate next to the limit. It is odd, so that there is a majority."""

STEPS = 36
"""How many runs a search has at most."""

LOWEST = 1.0
"""Messages a second: the search tries no lower rate."""


def next_rate(runs: Sequence[tuple[float, bool]], first: float) -> float | None:
    """Return the rate to try next, None if the limit is found or there were too many runs.

    Args:
        runs: the rate of each run so far, and whether the condition held.
        first: the rate to begin with.
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
    """Search for the highest rate at which `condition` holds.

    Args:
        first: the rate to begin with, in messages a second.
        condition: the condition that must hold.
        make_run: makes a run, given its rate and the number of the step (from 0).

    Returns:
        What was found, also if Ctrl-C or an error ended the search after its first run.

    Raises:
        ChatError: the first run could not be made.
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
            break  # it was too short to say anything about this rate

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
