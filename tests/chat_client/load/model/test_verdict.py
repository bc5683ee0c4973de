"""Conditions, and what is said of a run."""

import pytest
from msgspec.structs import replace

from chat_client.load.model.faults import Faults
from chat_client.load.model.histogram import Histogram
from chat_client.load.model.load_errors import UsageError
from chat_client.load.model.result import ErrorCount
from chat_client.load.model.verdict import judge, parse_condition, rate_reached
from chat_client.load.model.workload import Load
from tests.chat_client.load.samples import sample, sample_with_errors


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("p99>2.9ms", True),
        ("p99>3001us", False),
        ("p50>=2ms", True),
        ("delivery.p50<2ms", False),
        ("ok.max<=0.003s", True),
        ("connect.mean > 1.9 ms", True),
        ("welcome.p99.9>1s", False),
        ("lag.p99>40us", True),
        ("lost>0", False),
        ("errors>0", False),
        ("missed>=0", True),
        ("rate<100", False),
        ("rate<=100", True),
        ("deliveries<1001", True),
    ],
)
def test_a_condition(text: str, holds: bool) -> None:
    """Times have a unit, counts and rates have none."""
    assert parse_condition(text).holds(sample()) is holds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is not a condition"),
        ("p99", "'p99' is not a condition"),
        ("p99=5ms", "'p99=5ms' is not a condition"),
        ("p99>-5ms", "is not a condition"),
        ("p99>5", "'p99>5' needs a time in us, ms or s"),
        ("p99>5min", "needs a time"),
        ("p101>5ms", "asks for 'p101', which is none of lost, "),
        ("median>5ms", "asks for 'median'"),
        ("pong.p99>5ms", "asks for 'pong.p99'"),
        ("lost>0ms", "has the unit 'ms', and lost has none"),
    ],
)
def test_what_is_no_condition(text: str, says: str) -> None:
    """The error names the value, and shows what is allowed."""
    with pytest.raises(UsageError) as caught:
        parse_condition(text)
    assert says in str(caught.value)
    assert "such as 'p99>50ms'" in str(caught.value)


def test_a_threshold_that_is_crossed() -> None:
    """Each condition has a check that says what was found."""
    conditions = [parse_condition("p99>1ms"), parse_condition("lost>0")]
    verdict = judge(sample(), conditions)
    assert not verdict.passed
    assert [(check.passed, check.text) for check in verdict.checks[2:]] == [
        (False, "not p99>1ms: delivery p99 is 3.00 ms"),
        (True, "not lost>0: lost is 0"),
    ]


def test_nothing_measured_keeps_no_threshold() -> None:
    """A condition on a time without values fails."""
    verdict = judge(sample(latencies=()), [parse_condition("p99>1s")])
    assert not verdict.checks[2].passed
    assert verdict.checks[2].text == "not p99>1s: no delivery p99: no values"


@pytest.mark.parametrize("fault", ["lost", "doubled", "reordered", "altered"])
def test_any_fault_fails(fault: str) -> None:
    """A fault fails the run without any condition."""
    result = sample(faults=Faults(**{fault: 1}), examples=[f"load1: 1 {fault}"])
    assert not result.verdict.passed
    assert result.verdict.checks[0].text == f"the audit: 1 {fault}; load1: 1 {fault}"


def test_clients_that_do_not_get_in_fail() -> None:
    """A run without all of its clients did not try what was asked for."""
    verdict = sample(load=Load(clients=11)).verdict
    assert not verdict.passed
    assert verdict.checks[1].text == "10 of 11 clients got in, 10 were in at the end"


def test_a_server_that_is_gone_at_the_end_fails() -> None:
    """The run fails, even if the server made no mistake before it ended."""
    verdict = sample(present=0).verdict
    assert not verdict.passed
    assert verdict.checks[1].text == "10 of 10 clients got in, 0 were in at the end"


def test_a_text_without_a_reply_fails() -> None:
    """Nobody knows whether a text without a reply was stored."""
    verdict = sample(errors={"unanswered": ErrorCount(1, 2.0, 2.0)}).verdict
    assert (verdict.passed, verdict.checks[2].text) == (False, "1 text had no reply in time")


def test_the_generator_is_blamed_where_it_was_the_limit() -> None:
    """The generator was the limit if it was late or busy, but not if it was so a little."""
    late = Histogram()
    late.record(6_000)
    slow = sample()
    slow.measured = replace(slow.measured, lag=late)
    assert "were said 6.00 ms or more after they were due" in judge(slow, []).doubts[0]
    stalled = sample((50_000,))
    stalled.measured = replace(stalled.measured, lag=late)
    assert judge(stalled, []).doubts == []
    busy = judge(sample(busiest=0.95), []).doubts[0]
    assert busy.startswith("The generator was the limit, not the server: a worker used 95% of a")
    assert judge(sample(busiest=0.85), []).doubts == []


def test_what_one_should_know() -> None:
    """The notes name errors, an early end, a rate that was not reached, and a long drain."""
    assert "--no-limits" in sample_with_errors().verdict.notes[0]
    assert sample_with_errors().verdict.notes[-1] == "Errors: 2 rate_limited."
    assert "Ctrl-C" in sample(interrupted=True).verdict.notes[0]
    assert "200 messages/s were wanted, 100 were said" in str(
        sample(load=Load(clients=10, rate=200.0)).verdict.doubts
    )
    assert "the server was behind" in sample(drained=4.0).verdict.notes[0]


def test_what_must_hold() -> None:
    """`--expect` takes conditions that must hold. A time without values does not hold."""
    expected = [parse_condition("p99<5ms"), parse_condition("lost=0"), parse_condition("rate>=500")]
    verdict = judge(sample(), [], expected)
    assert [(check.passed, check.text) for check in verdict.checks[2:]] == [
        (True, "p99<5ms: delivery p99 is 3.00 ms"),
        (True, "lost=0: lost is 0"),
        (False, "rate>=500: rate is 100/s"),
    ]
    nothing = judge(sample(latencies=()), [], [parse_condition("p99<1s")]).checks[2]
    assert (nothing.passed, nothing.text) == (False, "p99<1s: no delivery p99: no values")


def test_a_verdict_that_says_little_about_the_server() -> None:
    """All checks hold, but the generator was the limit, or the rate was not reached: that is
    neither a pass nor a failure; the exit code is that of a pass. A failure stays one.
    """
    assert sample().verdict.outcome == "passed"
    assert sample_with_errors().verdict.outcome == "passed"
    slow = sample(load=Load(clients=10, rate=200.0))
    for result in (slow, sample(busiest=0.95)):
        assert (result.verdict.outcome, result.verdict.passed) == ("inconclusive", True)
    slow.verdict = judge(slow, [parse_condition("lost>=0")])
    assert slow.verdict.outcome == "failed"


@pytest.mark.parametrize(("sent", "reached"), [(198, True), (197, False), (200, True)])
def test_a_rate_that_is_nearly_reached(sent: int, reached: bool) -> None:
    """The rate is reached within a percent, or within two texts."""
    result = sample()
    result.measured.sent = sent
    assert rate_reached(result) is reached


@pytest.mark.parametrize("code", ["EADDRNOTAVAIL", "EMFILE"])
def test_what_this_machine_runs_out_of_is_not_the_servers_fault(code: str) -> None:
    """Clients are missing, and the verdict says that this machine is the reason."""
    result = sample(load=Load(clients=11), errors={code: ErrorCount(3, 0.0, 1.0)})
    assert (result.verdict.outcome, result.verdict.passed) == ("inconclusive", False)
    assert "10 of 11 clients got in, 10 were in at the end: this machine has no" in str(
        result.verdict.checks[1].text
    )
    assert "The generator was the limit, not the server: this machine" in result.verdict.doubts[0]
