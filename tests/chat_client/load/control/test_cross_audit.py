"""Faults that only the audits of all workers show."""

import pytest

from chat_client.load.control.cross_audit import differing
from chat_client.load.generator.messages import RoomAudit
from chat_client.load.model.faults import Faults
from tests.chat_client.load.faulty import faulty_server
from tests.chat_client.load.runs import make_run


def test_nobody_gets_what_was_confirmed() -> None:
    """All members lack the same message, which comparing them does not show."""
    with faulty_server(forget=4) as address:
        result = make_run(address, patience=2.0)
    assert result.faults == Faults(lost=5)
    assert not result.verdict.passed


@pytest.mark.parametrize(
    ("ends", "faults"),
    [
        ([RoomAudit(2, 5, 77), RoomAudit(3, 5, 77)], Faults()),
        ([RoomAudit(5, 5, 77), RoomAudit(0, 5, 78)], Faults(reordered=10)),
        ([RoomAudit(5, 4, 77), RoomAudit(1, 4, 77)], Faults(lost=20)),
        ([RoomAudit(5, None, 1), RoomAudit(0, 5, 77)], Faults()),
        ([RoomAudit(5, None, 1)], Faults()),
    ],
)
def test_what_only_shows_between_processes(ends: list[RoomAudit], faults: Faults) -> None:
    """Two workers may have seen different logs, or not what the server confirmed."""
    assert differing(ends, members=10) == faults
