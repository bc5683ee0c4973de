"""What a worker says and when, and what its latencies count."""

from chat_client.load.model.verdict import parse_condition
from tests.chat_client.load.faulty import faulty_server
from tests.chat_client.load.runs import make_run


def test_as_fast_as_it_goes(server: str) -> None:
    """A closed loop is audited to its last message, while the log is dropped bit by bit."""
    result = make_run(server, rate=None, clients=10, duration=1.2, processes=2, nick_prefix="fast")
    assert result.verdict.passed, result.verdict
    assert result.received == result.whole.confirmed * 10 > 0


def test_the_same_seed_says_the_same(server: str) -> None:
    """Two runs with the same seed say texts of the same sizes."""
    sizes = {"shortest": 40, "longest": 400, "rate": 100.0}
    first = make_run(server, seed=3, nick_prefix="seeda", **sizes)
    second = make_run(server, seed=3, nick_prefix="seedb", **sizes)
    assert first.whole.bytes_out == second.whole.bytes_out


def test_a_stall_shows_in_the_latencies() -> None:
    """Coordinated omission: the server holds back 100 of 200 messages for as long as those take to
    come due, a second at 100 a second. Half of all that was due then waited half of that or more;
    a generator that waited for its answers would have seen a few slow messages among many.
    """
    with faulty_server(hold=(51, 150)) as address:
        result = make_run(address, rate=100.0, duration=2.0)
    assert result.whole.sent == 200
    for histogram in (result.measured.ok, result.measured.delivery):
        assert (histogram.percentile(99) or 0) > 950_000
        assert (histogram.percentile(90) or 0) > 750_000
        assert (histogram.percentile(75) or 0) > 450_000
        assert histogram.total in (200, 1000)
    assert result.verdict.passed


def test_what_never_comes_counts_with_its_full_time() -> None:
    """A message held back for good: no reply, and nobody gets it. It does not vanish from the
    percentiles.
    """
    with faulty_server(hold=(11, 10**9)) as address:
        result = make_run(address, parse_condition("errors>0"), rate=100.0, patience=2.0)
    assert result.errors["unanswered"].count == result.whole.sent - 10
    assert result.measured.ok.total == result.whole.sent
    assert result.measured.delivery.total == result.whole.sent * 5
    assert result.measured.delivery.largest > 2_000_000
    assert not result.verdict.passed


def test_the_closed_loop_is_said_to_be_one() -> None:
    """A note says not to trust the latencies of a closed loop."""
    with faulty_server() as address:
        result = make_run(address, rate=None, duration=0.2)
    assert result.verdict.passed
    assert result.whole.confirmed > 0
    assert any("closed loop" in note for note in result.verdict.notes)
