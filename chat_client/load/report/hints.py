"""What a reader should look at in a report, and what it means: for the one who sees it first."""

from chat_client.load.model.result import Result, Row
from chat_client.load.model.units import count_text, time_text
from chat_client.load.model.verdict import generator_limits

QUEUEING = 10
"""A p99 that is so many times the median is a queue, and not how long the work takes."""

LOOK_AT = {
    "Latency by percentile": "The further right, the rarer. A line that turns up sharply shows how "
    "long the few waited whom an average hides.",
    "Delivery latency over time": "A step or a peak in p99 and max while p50 stays low: some "
    "messages waited in a queue. The grey warm-up does not count.",
    "Deliveries a second": "A dip is a stall; what was due meanwhile follows as a peak.",
    "Messages a second": "Both lines are on the rate that was asked for if the server keeps up. "
    "Confirmed below said: a queue grows.",
    "Clients connected, errors": "The line of the clients is level unless some lost their "
    "connection.",
    "Coming in, by percentile": "How long a client takes to connect and to be welcomed, when many "
    "come at once.",
    "Delivery latency by rate": "Where the lines turn up, the server, or the generator, is at its "
    "limit.",
}
"""By the title of a figure."""


def hints(result: Result) -> list[str]:
    """Return a few sentences, the most important first."""
    delivery = result.measured.delivery
    p50, p99 = delivery.percentile(50), delivery.percentile(99)
    if p50 is None or p99 is None:
        return ["Nothing was delivered while it was measured: look at the errors below."]
    found = [
        f"The delivery p99, {time_text(p99)}: one delivery in a hundred took longer. It says more "
        f"than the mean ({time_text(delivery.mean())})."
    ]
    if p99 > QUEUEING * max(p50, 1):
        found.append(
            f"The p99 is {count_text(round(p99 / max(p50, 1)))} times the median "
            f"({time_text(p50)}): messages waited in a queue at times. Delivery latency over time "
            "shows when."
        )
    worst = _worst(result)
    if worst is not None:
        slowest = time_text(worst.tick.delivery.percentile(99))
        found.append(
            f"Second {worst.second}, the slowest: p99 {slowest}, "
            f"{count_text(worst.tick.deliveries)} deliveries."
        )
    lag = result.measured.lag.percentile(99)
    if lag is not None and not generator_limits(result):
        found.append(
            f"The lag p99, {time_text(lag)}: how late the load tester was itself. Where it is "
            "close to the delivery p99, it is the load tester that is measured."
        )
    if result.load.warm_up:
        found.append(
            f"The first {result.load.warm_up:g} s are the warm-up, grey in the plots: they count "
            "in the audit alone."
        )
    return found


def _worst(result: Result) -> Row | None:
    """The measured second with the longest p99, if there are some to compare."""
    rows = [row for row in result.rows if row.tick.phase == "measure"]
    if len(rows) < 2:
        return None
    return max(rows, key=lambda row: row.tick.delivery.percentile(99) or 0)
