"""What to look at in a report, and what it means, for somebody who sees one for the first time."""

from chat_client.load.model.result import Result, Row
from chat_client.load.model.units import count_text, time_text
from chat_client.load.model.verdict import generator_limits

QUEUEING = 10
"""If the p99 is more than this times the median, messages wait in a queue at times."""

LOOK_AT = {
    "Latency by percentile": "Further right is rarer. A line that turns up sharply shows long "
    "waits of a few deliveries, which an average hides.",
    "Delivery latency over time": "If p99 and max have a step or a peak while p50 stays low, some "
    "messages waited in a queue. The grey warm-up is not measured.",
    "Deliveries a second": "A dip is a stall. The messages that were due meanwhile follow as a "
    "peak.",
    "Messages a second": "If the server keeps up, both lines are at the rate that was asked for. "
    "If confirmed is below said, a queue grows.",
    "Clients connected, errors": "The line of the clients is level unless some lost their "
    "connection.",
    "Coming in, by percentile": "How long a client takes to connect, and to get its welcome, when "
    "many connect at once.",
    "Delivery latency by rate": "Where the lines turn up, the server, or the generator, is at its "
    "limit.",
}
"""A sentence for each plot, by its title."""


def hints(result: Result) -> list[str]:
    """Return a few sentences, the most important first."""
    delivery = result.measured.delivery
    p50, p99 = delivery.percentile(50), delivery.percentile(99)
    if p50 is None or p99 is None:
        return ["Nothing was delivered in the measured time: look at the errors below."]
    found = [
        f"The delivery p99, {time_text(p99)}: one delivery in a hundred took longer. It says more "
        f"than the mean ({time_text(delivery.mean())})."
    ]
    if p99 > QUEUEING * max(p50, 1):
        found.append(
            f"The p99 is {count_text(round(p99 / max(p50, 1)))} times the median "
            f"({time_text(p50)}): messages waited in a queue at times. The plot of the delivery "
            "latency over time shows when."
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
            f"The lag p99, {time_text(lag)}: how late the load tester was itself. If it is close "
            "to the delivery p99, the figures are the load tester's and not the server's."
        )
    if result.load.warm_up:
        found.append(
            f"The first {result.load.warm_up:g} s are the warm-up, grey in the plots. It is "
            "audited, but not measured."
        )
    return found


def _worst(result: Result) -> Row | None:
    """The measured second with the highest p99, None if there are not two to compare."""

    rows = [row for row in result.rows if row.tick.phase == "measure"]
    if len(rows) < 2:
        return None
    return max(rows, key=lambda row: row.tick.delivery.percentile(99) or 0)
