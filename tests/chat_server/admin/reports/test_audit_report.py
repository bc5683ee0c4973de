"""The log of what those in charge did, with what messages said before, if that is wanted."""

import sqlite3
from contextlib import closing
from pathlib import Path

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.admin.folders import START, Operator, changed_room

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


def test_the_audit_log_as_text(operator: Operator) -> None:
    """A line each, whatever the reason was."""
    note(operator.data)
    assert operator.done("audit").lines == [
        "2026-11-20 10:00:00 UTC  ada ban 10.0.0.0/8 until 2026-11-20 11:00:00 UTC (noise)",
        "2026-11-21 10:00:00 UTC  eva kick zoe",
        "2026-11-21 10:01:00 UTC  eva lock lobby (\\x1b[2J forged)",
    ]


def test_the_audit_log_as_json(operator: Operator) -> None:
    """With all that is known."""
    note(operator.data)
    records = operator.done("audit", "--format", "json", "--until", "2026-11-20").records
    assert records == [
        {
            "time": "2026-11-20T10:00:00.000+00:00",
            "who": "ada",
            "act": "ban",
            "whom": "10.0.0.0/8",
            "until": "2026-11-20T11:00:00.000+00:00",
            "reason": "noise",
        }
    ]
    later = operator.done("audit", "--format", "json", "--since", "2026-11-21")
    assert [record["who"] for record in later.records] == ["eva", "eva"]
    assert "\x1b" not in later.out


def test_an_audit_log_that_is_not_there(operator: Operator) -> None:
    """No server was ever started there."""
    assert "people.db" in operator.refused("audit")
    with closing(PeopleStore(operator.data)):
        assert operator.done("audit").out == ""


def test_the_owner_reads_what_was_deleted(operator: Operator) -> None:
    """With --with-text alone: what each act changed."""
    changed_room(operator.data)
    assert "rude" not in operator.done("audit").out
    lines = operator.done("audit", "--with-text").lines
    found = [line.partition("  ")[2] if "  |" not in line else line for line in lines]
    assert found[-5:] == [
        "zoe edit lobby/1",
        "    | a rude",
        "    | word",
        "mia delete lobby/1 (be kind)",
        "    | a ruder word",
    ]
    records = operator.done("audit", "--with-text", "--format", "json").records
    assert [each["text"] for each in records[-2:]] == ["a rude\nword", "a ruder word"]


def test_the_original_goes_with_its_message(operator: Operator) -> None:
    """What `keep` deletes is nowhere any more; who did what stays."""
    changed_room(operator.data)
    with closing(SqliteLog(operator.data)) as log:
        log.prune(1, None)
    out = operator.done("audit", "--with-text").out
    assert "mia delete lobby/1 (be kind)" in out
    assert "rude" not in out
    with closing(sqlite3.connect(operator.data / "history.db")) as history:
        assert history.execute("SELECT count(*) FROM originals").fetchone() == (0,)
