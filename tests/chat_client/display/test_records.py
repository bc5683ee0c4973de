"""What happens, as records for programs."""

import pytest

from chat_client.display import records
from chat_client.display.records import as_json
from chat_client.display.time_format import Clock
from protocol.messages import Direct, Message, Presence
from tests.chat_client.foreign import HOSTILE


@pytest.mark.parametrize(
    ("event", "record"),
    [
        (Message("lobby", 1, 0.0, "ana", "text", "hi\nyou"), "#lobby <ana> hi\u23ceyou"),
        (Message("lobby", 1, 0.0, "ana", "action", "waves"), "#lobby * ana waves"),
        (Message("lobby", 1, 0.0, "ana", "topic", "new"), "#lobby -- ana set the topic: new"),
        (Message("lobby", 1, 0.0, "ana", "topic", ""), "#lobby -- ana cleared the topic"),
        (Message("lobby", 1, 0.0, "ana", "notice", "oh"), "#lobby -- ana: oh"),
        (
            Message("lobby", 2, 0.0, "ana", "edit", "hey", changes=1),
            "#lobby -- ana edited message 1: hey",
        ),
        (
            Message("lobby", 2, 0.0, "ana", "edit", "(deleted)", changes=1, deleted=True),
            "#lobby -- ana edited message 1",
        ),
        (
            Message("lobby", 2, 0.0, "ana", "delete", "deleted message 1: no", changes=1),
            "#lobby -- ana deleted message 1",
        ),
        (Message("lobby", 1, 0.0, "ana", "odd", "\x1b[31mred\u202e"), "#lobby <ana> [31mred"),
        (Direct(0.0, "ana", "me", "psst"), "[ana] psst"),
        (Presence("lobby", ["a"], [], [], 1), None),
    ],
)
def test_plain_records_are_stable(event: object, record: str | None) -> None:
    """One line each, in UTC, and harmless."""
    made = records.plain(Clock(records.RECORD_FORMAT, "UTC"))(event)  # type: ignore[arg-type]
    assert made == (record and f"1970-01-01T00:00:00Z {record}")


def test_a_record_is_ascii() -> None:
    """A script may print a record, so it must not control a terminal."""
    record = as_json(
        Direct(1.0, HOSTILE.replace("\udc80", ""), "me", HOSTILE.replace("\udc80", ""))
    )
    assert record.isascii()
    assert record.isprintable()
