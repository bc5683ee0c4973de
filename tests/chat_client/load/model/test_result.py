"""The result of a run: rates, and the verdict in a word."""

import pytest

from chat_client.load.model.result import Check, Outcome, Verdict
from tests.chat_client.load.samples import sample


def test_rates_are_those_of_the_measured_time() -> None:
    """If no time was measured, the rate is 0."""
    assert sample().per_second(200) == 100.0
    assert sample(seconds=0.0).per_second(200) == 0.0


@pytest.mark.parametrize(
    ("checks", "doubts", "outcome", "passed"),
    [
        ([Check(True, "")], [], "passed", True),
        ([Check(True, "")], ["the generator was late"], "inconclusive", True),
        ([Check(False, "", generator=True)], [], "inconclusive", False),
        ([Check(False, ""), Check(False, "", generator=True)], ["late"], "failed", False),
    ],
)
def test_the_verdict_in_a_word(
    checks: list[Check], doubts: list[str], outcome: Outcome, passed: bool
) -> None:
    """A limit of the generator is not a failure of the server."""
    verdict = Verdict(checks, [], doubts)
    assert (verdict.outcome, verdict.passed) == (outcome, passed)
