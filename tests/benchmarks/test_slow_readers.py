"""The arithmetic of the latencies, and tiny runs, end to end."""

from collections import Counter

import pytest

from benchmarks.slow_readers import RESOLUTION, latencies, main, percentile, together

# Seconds each, as a benchmark takes them: `make test-bench` runs these.
pytestmark = pytest.mark.bench

TINY = ["--members", "6", "--seconds", "0.5", "--warm-up", "0", "--rounds", "1"]
NULL_SERVER = ["--server", "benchmarks.null_server"]


def found(
    due: list[float], reads: list[tuple[float, int]], first: int = 0, end: int | None = None
) -> dict[float, int]:
    """How often there was each latency, in seconds, rounded."""
    last = len(due) if end is None else end
    counts = latencies(due, together(due), first, last, reads)
    return {round((units + 0.5) * RESOLUTION, 3): count for units, count in counts.items()}


def test_a_text_counts_from_when_it_was_due_to_the_read_that_brought_it() -> None:
    assert found([1.0, 2.0, 3.0], [(1.5, 1), (3.25, 3)]) == {0.5: 1, 1.25: 1, 0.25: 1}


def test_a_read_that_completes_no_text_counts_nothing() -> None:
    assert found([1.0, 2.0], [(1.5, 0), (1.75, 1), (1.9, 1), (2.5, 2)]) == {0.75: 1, 0.5: 1}


def test_texts_of_one_moment_count_one_by_one() -> None:
    assert found([1.0, 1.0, 1.0, 2.0], [(1.5, 2), (2.5, 4)]) == {0.5: 3, 1.5: 1}


def test_only_the_texts_asked_for_count() -> None:
    reads = [(1.5, 2), (5.0, 5)]
    assert found([1.0, 1.0, 1.0, 1.0, 4.0], reads, first=1, end=4) == {0.5: 1, 4.0: 2}


def test_a_text_that_never_came_is_not_counted() -> None:
    assert found([1.0, 2.0], [(1.5, 1)]) == {0.5: 1}


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.5, 1), (0.51, 3), (0.75, 3), (0.76, 7), (1.0, 7)]
)
def test_percentile_is_a_value_that_was_counted(share: float, value: int) -> None:
    assert percentile(Counter({7: 1, 1: 2, 3: 1}), share) == value


def test_percentile_of_nothing_is_0() -> None:
    assert percentile(Counter(), 0.99) == 0


@pytest.mark.parametrize("pace", [["--rate", "100"], ["--burst"]], ids=["paced", "burst"])
def test_who_had_stopped_gets_what_the_others_got(
    pace: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*TINY, *pace, "--stopped", "0,3"]) == 0
    everybody, half = (line.split() for line in capsys.readouterr().out.splitlines()[-2:])
    assert (everybody[:2], half[:2]) == (["0", "6"], ["3", "3"])
    assert everybody[-1] == half[-1] == "passed"


@pytest.mark.parametrize("fault", ["drop", "double", "reorder"])
def test_a_server_that_wrongs_one_member_fails_the_audit(
    fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ["--server-args", f"--fault {fault}", "--burst", "--stopped", "0"]
    assert main([*TINY, *NULL_SERVER, *wrong]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_more_cannot_stop_than_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--members", "5", "--stopped", "6"])
    assert "--stopped 6 is more than --members 5" in capsys.readouterr().err
