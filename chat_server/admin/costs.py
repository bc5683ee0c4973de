"""`admin top`: who costs the server what, by client or by address, the dearest first.

Looked at once, it shows what each has cost since it connected. Looked at again and again (--watch),
it shows what each costs a second.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chat_server.admin.messages import Cost
from chat_server.admin.show import size_shown, table
from protocol.common.durations import show_duration

SORTS = ("requests", "in", "out", "queued", "lag")
"""What can be sorted by."""


class CostLine(NamedTuple):
    """What a client, or all at an address, costs.

    Attributes:
        who: the nick, or the address.
        clients: how many connections that are.
        address: where from.
        seconds: the time in which it came together.
        requests: how many.
        received: bytes.
        sent: bytes.
        queued: seconds in the fair queues.
        waiting: bytes that wait to be sent.
        lag: messages that are yet to be got.
    """

    who: str
    clients: int
    address: str
    seconds: float
    requests: int
    received: int
    sent: int
    queued: float
    waiting: int
    lag: int


def lines(rows: Iterable[Cost]) -> list[CostLine]:
    """Return a line for each client."""
    return [
        CostLine(
            each.nick or "(no hello yet)",
            1,
            each.address,
            each.connected,
            each.requests,
            each.received,
            each.sent,
            each.queued,
            each.waiting,
            each.lag,
        )
        for each in rows
    ]


def by_address(found: Iterable[Cost]) -> list[CostLine]:
    """Return a line for each address."""
    together: dict[str, list[CostLine]] = {}
    for cost, line in ((each, lines([each])[0]) for each in found):
        together.setdefault(cost.host, []).append(line)
    return [
        CostLine(
            host,
            len(each),
            host,
            max(line.seconds for line in each),
            sum(line.requests for line in each),
            sum(line.received for line in each),
            sum(line.sent for line in each),
            sum(line.queued for line in each),
            sum(line.waiting for line in each),
            sum(line.lag for line in each),
        )
        for host, each in together.items()
    ]


def since(rows: Iterable[Cost], before: Iterable[Cost], seconds: float) -> list[Cost]:
    """Return what each has cost since an earlier look; who is new, since it connected.

    Args:
        rows: the costs at this look.
        before: those at the earlier one.
        seconds: how long that is ago.
    """
    known = {each.number: each for each in before}
    found = []
    for each in rows:
        old = known.get(each.number)
        if old is None or old.address != each.address:
            found.append(each)
            continue
        found.append(
            Cost(
                each.number,
                each.nick,
                each.account,
                each.address,
                each.host,
                seconds,
                each.requests - old.requests,
                each.received - old.received,
                each.sent - old.sent,
                each.queued - old.queued,
                each.waiting,
                each.lag,
            )
        )
    return found


def ordered(found: Iterable[CostLine], sort: str) -> list[CostLine]:
    """Return lines with the dearest first, by one of SORTS."""
    keys = {
        "requests": lambda line: line.requests,
        "in": lambda line: line.received,
        "out": lambda line: line.sent,
        "queued": lambda line: line.queued,
        "lag": lambda line: (line.lag, line.waiting),
    }
    return sorted(found, key=keys[sort], reverse=True)


def shown(found: Sequence[CostLine], *, rates: bool, people: bool, colours: bool) -> str:
    """Return lines as a table.

    Args:
        found: in their order.
        rates: whether what was counted is shown for each second.
        people: whether each line is a client.
        colours: whether the head is bold.
    """
    a_second = "/s" if rates else ""
    who = ("client", "address") if people else ("address", "clients")
    heads = (*who, "for", f"requests{a_second}", f"in{a_second}", f"out{a_second}", "queued")
    cells = [
        (
            *((each.who, each.address) if people else (each.who, each.clients)),
            show_duration(each.seconds),
            _rate(each.requests, each.seconds) if rates else each.requests,
            _size(each.received, each.seconds if rates else 0.0),
            _size(each.sent, each.seconds if rates else 0.0),
            f"{each.queued:.2f} s",
            f"{each.lag} ({size_shown(each.waiting)})" if each.lag or each.waiting else "none",
        )
        for each in found
    ]
    return table((*heads, "lag"), cells, colours)


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds else 0.0


def _size(size: int, seconds: float) -> str:
    return size_shown(round(size / seconds) if seconds else size)
