"""What a reader is told to look at."""

from chat_client.load.model.histogram import Histogram
from chat_client.load.model.result import Row
from chat_client.load.model.tick import Tick
from chat_client.load.report.hints import LOOK_AT, hints
from chat_client.load.report.report_html import capacity_page, report_page
from tests.chat_client.load.model.test_capacity import capacity, step
from tests.chat_client.load.samples import sample


def measured_second(second: int, latency: int) -> Row:
    """A second in which one message took so many µs."""
    delivery = Histogram()
    delivery.record(latency)
    return Row(second, Tick("measure", 0, delivery=delivery, deliveries=1))


def test_nothing_was_delivered() -> None:
    """Without deliveries there is nothing else to look at."""
    assert hints(sample(latencies=())) == [
        "Nothing was delivered in the measured time: look at the errors below."
    ]


def test_a_queue_is_seen_in_the_p99() -> None:
    """The hint is there if the p99 is many times the median, and not otherwise."""
    queued = " ".join(hints(sample((1000,) * 95 + (100_000,) * 5)))
    assert "The p99 is 100 times the median (1.00 ms): messages waited in a queue" in queued
    assert "times the median" not in " ".join(hints(sample()))


def test_the_slowest_second_is_named() -> None:
    """The slowest second is named if there are two to compare."""
    rows = [measured_second(0, 1000), measured_second(1, 9000), measured_second(2, 2000)]
    assert any(
        hint.startswith("Second 1, the slowest: p99 9.00 ms") for hint in hints(sample(rows=rows))
    )
    assert not any("slowest" in hint for hint in hints(sample(rows=rows[:1])))


def test_the_lag_is_told_unless_the_generator_was_the_limit() -> None:
    """If the generator was the limit, the verdict says so already."""
    assert any(hint.startswith("The lag p99, 50 µs") for hint in hints(sample()))
    assert not any("The lag p99" in hint for hint in hints(sample(busiest=0.95)))


def test_every_plot_has_its_sentence() -> None:
    """Each plot has a sentence, and each sentence a plot."""
    pages = report_page(sample()) + capacity_page(capacity(step(10, 1000, held=True)))
    titles = {part.partition("<")[0] for part in pages.split("<figcaption>")[1:]}
    assert titles == set(LOOK_AT)
