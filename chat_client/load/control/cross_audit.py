"""The audits of all workers put together: did all of them see the same log of each room?

Each worker compares its own clients. That two workers saw different logs, or that a message was
confirmed and reached nobody, shows only here.
"""

from collections.abc import Collection, Sequence

from chat_client.load.generator.messages import Audit, RoomAudit
from chat_client.load.model.faults import Faults
from chat_client.load.model.result import Result

EXAMPLES = 5
"""How many sentences about faults the report has."""


def add_audits(result: Result, audits: Collection[Audit]) -> None:
    """Add to the result of a run what the audits of its workers found, and what only they all show.

    Args:
        result: the result of the run, whose load says who is in which room.
        audits: one for each worker.
    """
    for audit in audits:
        result.received += audit.received
        result.faults.add(audit.faults)
        result.examples += audit.examples
    for number, room in enumerate(result.load.room_names()):
        seen = [audit.rooms[room] for audit in audits if room in audit.rooms]
        found = differing(seen, result.load.members(number))
        result.faults.add(found)
        if found:
            result.examples.append(f"{room}, as the workers saw it: {found.named()}")
    result.expected = result.received + result.faults.lost - result.faults.doubled
    result.examples = result.examples[:EXAMPLES]


def differing(seen: Sequence[RoomAudit], members: int) -> Faults:
    """Return the faults of a room that only the audits of all workers show.

    Args:
        seen: what each worker saw of the room.
        members: how many clients are in the room.
    """
    logs = {(each.own, each.digest) for each in seen if each.own}
    counts = {own for own, _ in logs if own}
    found = Faults()
    if len(counts) == 1 and len(logs) > 1:  # as many messages, but not the same in the same order
        found.reordered = members
    if counts:
        confirmed = sum(each.confirmed for each in seen)
        found.lost = max(0, confirmed - max(counts)) * members
    return found
