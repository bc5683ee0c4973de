"""The search for the limit: few steps, and the right end."""

import pytest

from chat_client.load.control.limit import find_limit, next_rate
from chat_client.load.model.capacity import doubtful, finding
from chat_client.load.model.faults import Faults
from chat_client.load.model.load_errors import LoadError
from chat_client.load.model.result import Result
from chat_client.load.model.verdict import parse_condition
from chat_client.load.model.workload import Load
from chat_client.load.report.report_csv import capacity_csv
from chat_client.load.report.report_text import capacity_lines
from tests.chat_client.load.samples import sample


def run_at(rate: float, breaks_at: float, **more: object) -> Result:
    """A run with a latency of 1 ms at a rate below the limit, and of a second above it."""
    latency = 1000 if rate < breaks_at else 1_000_000
    result = sample((latency,), load=Load(clients=10, rate=rate), **more)
    result.measured.sent = int(rate * result.seconds)
    return result


@pytest.mark.parametrize("first", [1.0, 100.0, 30_000.0])
@pytest.mark.parametrize("limit", [2.5, 730.0, 9_000.0])
def test_the_highest_rate_that_holds(first: float, limit: float) -> None:
    """The search finds the limit from below and from above, to a tenth."""
    condition = parse_condition("p99<50ms")
    found = find_limit(first, condition, lambda rate, _: run_at(rate, limit))
    assert found.highest is not None
    assert limit / 1.15 <= found.highest < limit
    assert len(found.steps) <= 28
    assert found.last.load.rate == found.highest
    assert finding(found).startswith("p99<50ms held up to")
    assert "delivery p99 is 1.00 s" in finding(found)


def test_nothing_holds() -> None:
    """A condition that holds at no rate ends the search at the lowest one."""
    condition = parse_condition("p99<1us")
    found = find_limit(16.0, condition, lambda rate, _: run_at(rate, 0))
    assert (found.highest, [step.rate for step in found.steps]) == (None, [16, 8, 4, 2, 1])
    assert finding(found) == "p99<1us held at no rate that was tried."


def test_a_loss_breaks_any_condition() -> None:
    """A lost message breaks any condition, however fast the server is."""
    condition = parse_condition("p99<50ms")
    found = find_limit(1.0, condition, lambda rate, _: run_at(rate, 9e9, faults=Faults(lost=2)))
    assert found.highest is None
    assert found.steps[0].reason == "2 lost"


def test_a_rate_that_is_not_said_is_not_held() -> None:
    """A rate that was not reached did not hold, however good the latencies are."""

    def lazy(rate: float, _: int) -> Result:
        result = run_at(rate, 9e9)
        result.measured.sent = min(result.measured.sent, 1000)
        return result

    found = find_limit(100.0, parse_condition("p99<50ms"), lazy)
    assert found.highest is not None
    assert found.highest < 600
    assert "messages/s were said" in finding(found)


def test_ctrl_c_ends_the_search() -> None:
    """Ctrl-C ends the search, and what was found before is shown."""

    def interrupted(rate: float, number: int) -> Result:
        return run_at(rate, 9e9, interrupted=number == 2)

    found = find_limit(10.0, parse_condition("p99<50ms"), interrupted)
    assert (found.interrupted, found.highest, len(found.steps)) == (True, 20.0, 2)
    lines = capacity_lines(found)
    assert lines[0] == (
        "p99<50ms held up to 20 messages/s (1 of 1 run, p99 1.00 ms); nothing higher was tried."
    )
    assert len(lines) == 5
    assert len(capacity_csv(found).splitlines()) == 3


def test_there_is_an_end() -> None:
    """The search ends after so many runs, also without a limit."""
    assert next_rate([(2.0**n, True) for n in range(36)], 1.0) is None


def test_chance_next_to_the_limit_is_outvoted() -> None:
    """Each first run comes out the wrong way, above and below; the search ends where it should, and
    shows between which values the runs were.
    """
    made: dict[float, int] = {}

    def uncertain(rate: float, _: int) -> Result:
        made[rate] = made.get(rate, 0) + 1
        near = 600 < rate < 800
        result = run_at(rate, 700.0)
        return run_at(rate, 9e9 if rate >= 700 else 0) if near and made[rate] == 1 else result

    found = find_limit(100.0, parse_condition("p99<50ms"), uncertain)
    assert found.highest is not None
    assert found.broke is not None
    assert found.highest < 700 <= found.broke
    assert found.broke / found.highest <= 1.35
    assert {len(found.runs_at(rate)) for rate in (found.highest, found.broke)} == {3}
    assert " of 3 runs, p99 1.00 ms to 1.00 s)" in finding(found)
    assert any("2 of 3" in line or "1 of 3" in line for line in capacity_lines(found))


def test_what_is_tried_again() -> None:
    """The two rates next to the limit have three runs each, all others one."""
    found = find_limit(100.0, parse_condition("p99<50ms"), lambda rate, _: run_at(rate, 450.0))
    runs = {rate: len(found.runs_at(rate)) for rate in found.rates}
    assert {rate for rate, count in runs.items() if count == 3} == {found.highest, found.broke}
    assert set(runs.values()) == {1, 3}
    assert not doubtful(found)


def test_a_search_that_breaks_off() -> None:
    """A search that breaks off keeps what it found. Without a run there is nothing to report."""

    def mortal(rate: float, number: int) -> Result:
        if number == 2:
            raise LoadError("the server is gone")
        return run_at(rate, 9e9)

    found = find_limit(10.0, parse_condition("p99<50ms"), mortal)
    assert (found.highest, found.broke_off) == (20.0, "the server is gone")
    assert finding(found).endswith("The search broke off: the server is gone.")
    assert doubtful(found)
    with pytest.raises(LoadError):
        find_limit(10.0, parse_condition("p99<50ms"), lambda rate, _: mortal(rate, 2))
