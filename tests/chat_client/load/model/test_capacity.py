"""What a search for the limit found, from its runs."""

import pytest

from chat_client.load.model.capacity import (
    Capacity,
    Step,
    Tried,
    by_rate,
    doubtful,
    finding,
    held_text,
    limit_of,
    middle_run,
)
from tests.chat_client.load.samples import sample


def step(rate: float, p99: int | None, *, held: bool, generator: bool = False) -> Step:
    """A run at a rate, with its p99 in µs."""
    reason = "" if held else "it was slow"
    limits = ["the generator was late"] if generator else []
    return Step(rate, held, reason, rate, rate * 10, p99, p99, None, limits)


def capacity(*steps: Step, broke_off: str = "") -> Capacity:
    return Capacity(condition="p99<5ms", broke_off=broke_off, steps=list(steps), last=sample())


@pytest.mark.parametrize(
    ("runs", "limit"),
    [
        ([], (None, None)),
        ([(10, True), (20, True)], (20, None)),
        ([(10, False)], (None, 10)),
        ([(10, True), (20, False), (40, True)], (10, 20)),
        ([(10, True), (20, True), (20, False), (20, True), (30, False)], (20, 30)),
        ([(10, True), (20, True), (20, False)], (10, 20)),
    ],
)
def test_the_limit_is_where_most_runs_break(
    runs: list[tuple[float, bool]], limit: tuple[float | None, float | None]
) -> None:
    """Rates above the lowest that broke do not count. Half of the runs is not the majority."""
    assert limit_of(runs) == limit


def test_runs_are_grouped_by_their_rate() -> None:
    """Rates are in ascending order, in whatever order the runs were made."""
    assert by_rate([(20, False), (10, True), (20, True)]) == [Tried(10, 1, 1), Tried(20, 2, 1)]


def test_the_finding_names_both_sides_of_the_limit() -> None:
    """The finding has the runs, the spread of their p99, and the reason."""
    found = capacity(
        step(10, 1000, held=True), step(10, 3000, held=True), step(20, 9000, held=False)
    )
    assert finding(found) == (
        "p99<5ms held up to 10 messages/s (2 of 2 runs, p99 1.00 ms to 3.00 ms), and not at 20 "
        "(0 of 1 run, p99 9.00 ms): it was slow."
    )
    assert not doubtful(found)
    assert held_text(found.runs_at(20)) == "0 of 1"
    assert found.rates == [10, 20]


def test_a_limit_of_the_generator_is_doubtful() -> None:
    """A search that broke off is doubtful too."""
    late = capacity(step(10, 1000, held=True), step(20, None, held=False, generator=True))
    assert finding(late).endswith("not the server: the generator was late.")
    assert doubtful(late)
    broken = capacity(step(10, 1, held=True), step(20, 9, held=False), broke_off="it is gone.")
    assert finding(broken).endswith("The search broke off: it is gone.")
    assert doubtful(broken)


def test_the_middle_run_has_the_median_p99() -> None:
    """A run without deliveries counts as the lowest."""
    runs = [step(10, 9, held=True), step(10, None, held=True), step(10, 5, held=True)]
    assert middle_run(runs).p99 == 5
