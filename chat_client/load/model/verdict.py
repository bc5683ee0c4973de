"""The verdict on a run: the checks, the user's conditions, and what to know before believing it.

A condition is METRIC, a comparison and a value:

    p99>50ms  delivery.p99.9>=0.2s  ok.max>1s  connect.mean>500us   times: us, ms or s
    lost>0  doubled>0  reordered>0  altered>0  malformed>0  errors>0  missed>0   counts
    rate<95  deliveries<1000                                        a second

A time is that of `delivery` unless another one is named. `--expect` takes conditions that must
hold, `--fail-if` takes conditions that must not hold.
"""

import operator
import re
from collections.abc import Sequence

from msgspec import Struct

from chat_client.load.model.histogram import Histogram
from chat_client.load.model.load_errors import UsageError
from chat_client.load.model.result import Check, Result, Verdict
from chat_client.load.model.tick import UNANSWERED
from chat_client.load.model.units import count_of, count_text, time_text
from protocol.errors import Code

TIMES = ("delivery", "ok", "connect", "welcome", "lag")
"""The times that a condition can name: histograms of a tick."""

COUNTS = ("lost", "doubled", "reordered", "altered", "malformed", "errors", "missed")
"""The counts that a condition can name, over the whole run."""

RATES = ("rate", "deliveries")
"""What a condition can name a second, while it was measured."""

LATE = 5_000
"""µs: a generator whose lag has a higher p99 may be the limit itself."""

LATE_SHARE = 0.2
"""It is the limit if its lag is more than this share of the delivery latency, p99 by p99. A server
that stalls for a second is not excused by a generator that was 6 ms late."""

BUSY = 0.9
"""The share of a core above which a worker is too busy for its figures to be trusted."""

OWN_ERRORS = {
    "EADDRNOTAVAIL": "has no local port left for another connection to that address",
    "EMFILE": "has no file descriptor left for another connection",
    "ENFILE": "has no file descriptor left for another connection",
    "ENOBUFS": "has no memory left for another connection",
    "ENOMEM": "has no memory left for another connection",
}
"""Errors that come from the load tester's own machine, and what each of them means."""

REACHED = 0.99
"""The rate is reached if at least this share of the texts was said."""

BEHIND = 2.0
"""Seconds after the load: a server whose last reply or message comes later was behind."""


_OPERATORS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
}
_OPERATORS_OF_TIMES = (">", ">=", "<", "<=")
_UNITS = {"us": 1, "µs": 1, "ms": 1000, "s": 1_000_000}

_condition = re.compile(
    r"\s*([a-z0-9.]+?)\s*(>=|<=|==|>|<|=)\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµ]*)\s*"
)
_statistic = re.compile(r"max|mean|p([0-9]{1,2}(?:\.[0-9]+)?|100)")

_GRAMMAR = "a condition is such as 'p99>50ms', 'ok.p99.9<0.2s', 'lost=0', 'errors>0' or 'rate<95'"


class Condition(Struct, frozen=True):
    """A comparison of a figure with a value.

    Attributes:
        text: the condition as it was typed.
        family: one of TIMES, or "" for a count or a rate.
        name: the statistic (such as "p99"), the count or the rate.
        comparison: one of > >= < <= =. Times have no =.
        value: the value, for times in µs.
    """

    text: str
    family: str
    name: str
    comparison: str
    value: float

    def found(self, result: Result) -> float | None:
        """Return the figure of a run, None if nothing was measured."""
        if self.family:
            return _time(times(result, self.family), self.name)
        return _number(result, self.name)

    def holds(self, result: Result) -> bool | None:
        """Return whether the condition holds, None if nothing was measured."""
        found = self.found(result)
        if found is None:
            return None
        return bool(_OPERATORS[self.comparison](found, self.value))

    def found_text(self, result: Result) -> str:
        """Return the figure of a run as a sentence."""
        found = self.found(result)
        if self.family:
            what = f"{self.family} {self.name}"
            return f"{what} is {time_text(found)}" if found is not None else f"no {what}: no values"
        unit = "/s" if self.name in RATES else ""
        return f"{self.name} is {count_text(found or 0)}{unit}"


def parse_condition(text: str) -> Condition:
    """Return the condition that a user typed.

    Raises:
        UsageError: the text is not a condition.
    """
    found = _condition.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not a condition: {_GRAMMAR}")
    metric, comparison, number, unit = found.groups()
    value = float(number)
    if metric in COUNTS or metric in RATES:
        if unit:
            raise UsageError(f"{text!r} has the unit {unit!r}, and {metric} has none: {_GRAMMAR}")
        return Condition(text, "", metric, comparison, value)
    if comparison not in _OPERATORS_OF_TIMES:
        raise UsageError(
            f"{text!r} is not a condition, as a time is never exactly a value: {_GRAMMAR}"
        )
    family, dot, name = metric.partition(".")
    if not (dot and family in TIMES):
        family, name = "delivery", metric
    if not _statistic.fullmatch(name):
        known = ", ".join((*COUNTS, *RATES, "p0 to p100", "max", "mean"))
        raise UsageError(f"{text!r} asks for {metric!r}, which is none of {known}: {_GRAMMAR}")
    if unit not in _UNITS:
        raise UsageError(f"{text!r} needs a time in us, ms or s: {_GRAMMAR}")
    return Condition(text, family, name, comparison, value * _UNITS[unit])


def times(result: Result, family: str) -> Histogram:
    """Return the histogram of one of TIMES.

    `connect` and `welcome` are those of the whole run: clients connect before it is measured.
    """
    source = result.whole if family in ("connect", "welcome") else result.measured
    found: Histogram = getattr(source, family)
    return found


def judge(
    result: Result, fail_if: Sequence[Condition], expect: Sequence[Condition] = ()
) -> Verdict:
    """Return the verdict on a run.

    Args:
        result: the result of the run.
        fail_if: conditions that must not hold.
        expect: conditions that must hold.
    """
    checks = [_judge_audit(result), _judge_clients(result)]
    unanswered = result.errors.get(UNANSWERED)
    if unanswered is not None:
        checks.append(Check(False, f"{count_of(unanswered.count, 'text')} had no reply in time"))
    for condition in expect:
        text = f"{condition.text}: {condition.found_text(result)}"
        checks.append(Check(condition.holds(result) is True, text))
    for condition in fail_if:
        text = f"not {condition.text}: {condition.found_text(result)}"
        checks.append(Check(condition.holds(result) is False, text))
    return Verdict(checks, _notes(result), _doubts(result))


def rate_reached(result: Result) -> bool:
    """Return whether the generator said as much as was asked for; always, in a closed loop."""
    rate = result.load.rate
    if rate is None or not result.seconds:
        return True
    wanted = rate * result.seconds
    # One or two texts more or less depend on where the first second begins.
    return result.measured.sent >= min(REACHED * wanted, wanted - 2)


def generator_limits(result: Result) -> list[str]:
    """Return why the generator, and not the server, was at its limit; [] if it was not."""
    found = [
        f"this machine {meaning} ({result.errors[code].count:,} {code})"
        for code, meaning in OWN_ERRORS.items()
        if code in result.errors
    ]
    late = result.measured.lag.percentile(99) or 0
    latency = result.measured.delivery.percentile(99) or 0
    if late > max(LATE, LATE_SHARE * latency) and result.load.rate is not None:
        found.append(
            f"1 % of the texts were said {time_text(late)} or more after they were due: that time "
            "is in the latencies, and is not the server's"
        )
    if result.busiest > BUSY:
        found.append(f"a worker used {result.busiest:.0%} of a core")
    return found


def _judge_audit(result: Result) -> Check:
    if result.faults:
        return Check(False, f"the audit: {result.faults.named()}; {'; '.join(result.examples)}")
    if not result.received:
        return Check(False, "the audit: nothing was delivered, so nothing was shown")
    return Check(
        True,
        f"the audit: every member got every message once and in order, {result.received:,} "
        "deliveries",
    )


def _judge_clients(result: Result) -> Check:
    up = max((row.up for row in result.rows), default=0)
    clients = result.load.clients
    text = f"{up:,} of {count_of(clients, 'client')} got in, {result.present:,} were in at the end"
    if up == result.present == clients:
        return Check(True, text)
    own = next((code for code in OWN_ERRORS if code in result.errors), None)
    if own is None or up > result.present:
        return Check(False, text)
    return Check(False, f"{text}: this machine {OWN_ERRORS[own]} ({own})", generator=True)


def _doubts(result: Result) -> list[str]:
    """Return why the run says little about the server."""
    doubts = []
    limits = generator_limits(result)
    if limits:
        doubts.append(
            f"The generator was the limit, not the server: {'; '.join(limits)}. Give it more cores "
            "or another machine, or ask for less."
        )
    if not rate_reached(result):
        doubts.append(
            f"The rate was not reached: {count_text(result.load.rate or 0)} messages/s were "
            f"wanted, {count_text(result.per_second(result.measured.sent))} were said."
        )
    return doubts


def _notes(result: Result) -> list[str]:
    load, measured = result.load, result.measured
    notes = []
    if Code.RATE_LIMITED in result.errors:
        notes.append(
            "The server refused requests (rate_limited): it limits each client. Start it with "
            "--no-limits to lift its limits."
        )
    if result.interrupted:
        notes.append("Ctrl-C or q ended the load early. The figures are those until then.")
    if load.rate is None:
        notes.append(
            "A closed loop (--burst) sends the next text when one is answered. It measures "
            "throughput, but it sends less to a server that stalls. Trust latencies from --rate."
        )
    if measured.missed:
        notes.append(
            f"{count_of(measured.missed, 'text')} had to wait, as no talker was connected."
        )
    if result.drained > BEHIND:
        notes.append(
            f"The last reply or message came {result.drained:.1f} s after the end of the load: the "
            "server was behind."
        )
    if result.rooms_kept:
        notes.append(_rooms_note(result.rooms_kept))
    if result.errors:
        notes.append(
            "Errors: "
            + ", ".join(f"{error.count:,} {code}" for code, error in result.errors.items())
            + "."
        )
    return notes


def _rooms_note(rooms: Sequence[str]) -> str:
    named = rooms[0] if len(rooms) == 1 else f"{rooms[0]} to {rooms[-1]}"
    return (
        f"The messages stay on the server, in {count_of(len(rooms), 'room')} ({named}). To remove "
        f"one, type there: `chat-server admin remove-room {rooms[0]}`"
    )


def _time(histogram: Histogram, name: str) -> float | None:
    if not histogram.counts:
        return None
    if name == "max":
        return histogram.largest
    return histogram.mean() if name == "mean" else histogram.percentile(float(name[1:]))


def _number(result: Result, name: str) -> float:
    if name == "errors":
        return sum(error.count for error in result.errors.values())
    if name == "missed":
        return result.whole.missed
    if name == "rate":
        return result.per_second(result.measured.confirmed)
    if name == "deliveries":
        return result.per_second(result.measured.deliveries)
    found: int = getattr(result.faults, name)
    return found
