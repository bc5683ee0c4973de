"""What the parent and its workers tell each other comes back as it was."""

import pytest

from chat_client.load.generator.messages import (
    Audit,
    Begin,
    Drained,
    Finish,
    Order,
    Plan,
    Ready,
    Report,
    RoomAudit,
    Server,
    Stop,
    read_order,
    read_report,
    write_line,
)
from chat_client.load.model.faults import Faults
from chat_client.load.model.tick import Tick
from chat_client.load.model.workload import Load
from tests.chat_client.load.samples import sample


@pytest.mark.parametrize(
    "order",
    [
        Plan(
            Load(rate=None, nick_prefix="ä\n"),
            1,
            (Server(2, ("127.0.0.1", 7878)), Server(2, ("127.0.0.2", 7878), tls=True)),
            "open\nsesame",
            True,
        ),
        Plan(Load(), 0, (Server(1, "/tmp/a socket"),)),
        Begin(2**60),
        Stop(),
        Finish({"load-0": 2**53 - 1}),
    ],
)
def test_an_order(order: Order) -> None:
    """An order is one line, whatever it contains."""
    line = write_line(order)
    assert line.count(b"\n") == 1
    assert read_order(line) == order


@pytest.mark.parametrize(
    "report",
    [
        Ready(3, "server_full: there are 3"),
        sample().measured,
        Tick("drain", 5),
        Drained({"load-0": 7}),
        Audit(5, Faults(lost=2), ["one\ntwo"], {"load-0": RoomAudit(3, None, 0)}),
    ],
)
def test_a_report(report: Report) -> None:
    """A report is one line, with its histograms."""
    line = write_line(report)
    assert line.count(b"\n") == 1
    assert read_report(line) == report
