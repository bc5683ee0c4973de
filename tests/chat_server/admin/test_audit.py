"""What was done by who is in charge."""

from contextlib import closing
from pathlib import Path

from chat_server.identity.people_store import PeopleStore
from chat_server.identity.records import Act
from tests.chat_server.admin.folders import START, Operator

ACTS = [
    Act(START, "ada", "ban", "10.0.0.0/8", START + 3600, "noise"),
    Act(START + 86400, "eva", "kick", "zoe"),
    Act(START + 86460, "eva", "lock", "lobby", reason="\x1b[2J\nforged"),
]


def note(data: Path) -> None:
    """Let somebody do something."""
    with closing(PeopleStore(data)) as people:
        for act in ACTS:
            people.note(act)


def test_text(operator: Operator) -> None:
    """A line each, whatever the reason was."""
    note(operator.data)
    assert operator.done("audit").lines == [
        "2026-11-20 10:00:00 UTC  ada ban 10.0.0.0/8 until 2026-11-20 11:00:00 UTC (noise)",
        "2026-11-21 10:00:00 UTC  eva kick zoe",
        "2026-11-21 10:01:00 UTC  eva lock lobby (\\x1b[2J forged)",
    ]


def test_json(operator: Operator) -> None:
    """With all that is known."""
    note(operator.data)
    records = operator.done("audit", "--format", "json", "--until", "2026-11-20").records
    assert records == [{
        "time": "2026-11-20T10:00:00.000+00:00", "who": "ada", "act": "ban", "whom": "10.0.0.0/8",
        "until": "2026-11-20T11:00:00.000+00:00", "reason": "noise",
    }]  # fmt: skip
    later = operator.done("audit", "--format", "json", "--since", "2026-11-21")
    assert [record["who"] for record in later.records] == ["eva", "eva"]
    assert "\x1b" not in later.out


def test_nothing_there(operator: Operator) -> None:
    """No server was ever started there."""
    assert "people.db" in operator.refused("audit")
    with closing(PeopleStore(operator.data)):
        assert operator.done("audit").out == ""
