"""Transcripts of rooms."""

import os
import stat
import tracemalloc
from pathlib import Path

import pytest

from chat_server.admin.archive import History
from tests.chat_server.admin.folders import START, Operator, changed_room, keep, tamper
from tests.chat_server.house import House
from tests.support.servers import address_of, running_server

LESSON = [
    (START, "ana", "text", "Good *morning*!"),
    (START + 60, "ben", "action", "yawns"),
    (START + 120, "ana", "topic", "Optics"),
    (START + 180, "ana", "notice", "Quiet, please."),
    (START + 86400, "ben", "text", "one\n2026-11-20 10:00:00 UTC  ana: I said this"),
]


def test_text(operator: Operator) -> None:
    """A line each, local time with its zone; what goes on is indented and forges nothing."""
    keep(operator.data, "physics", LESSON)
    assert operator.done("export", "--room", "physics").lines == [
        "2026-11-20 10:00:00 UTC  ana: Good *morning*!",
        "2026-11-20 10:01:00 UTC  * ben yawns",
        "2026-11-20 10:02:00 UTC  * ana set the topic: Optics",
        "2026-11-20 10:03:00 UTC  ! ana: Quiet, please.",
        "2026-11-21 10:00:00 UTC  ben: one",
        "    | 2026-11-20 10:00:00 UTC  ana: I said this",
    ]


def test_markdown(operator: Operator) -> None:
    """A heading for each day; what was said is shown as it was said."""
    keep(operator.data, "physics", LESSON)
    assert operator.done("export", "--room", "physics", "--format", "md").lines == [
        "# physics",
        "",
        "## 2026-11-20 (UTC)",
        "",
        "- 10:00:00 **ana:** Good \\*morning\\*!",
        "- 10:01:00 *ben yawns*",
        "- 10:02:00 *ana set the topic:* Optics",
        "- 10:03:00 **Notice of ana:** Quiet, please.",
        "",
        "## 2026-11-21 (UTC)",
        "",
        "- 10:00:00 **ben:** one<br>2026-11-20 10:00:00 UTC  ana: I said this",
    ]


def test_json(operator: Operator) -> None:
    """An object a line, with all that is known."""
    keep(operator.data, "physics", LESSON)
    records = operator.done("export", "--room", "Physics", "--format", "json").records
    assert [record["seq"] for record in records] == [1, 2, 3, 4, 5]
    assert records[0] == {
        "room": "physics",
        "seq": 1,
        "time": "2026-11-20T10:00:00.000+00:00",
        "from": "ana",
        "kind": "text",
        "text": "Good *morning*!",
    }


@pytest.mark.parametrize(
    ("window", "seqs"),
    [
        (("--since", "2026-11-20 10:02"), [3, 4, 5]),
        (("--until", "2026-11-20"), [1, 2, 3, 4]),
        (("--since", "2026-11-20 10:01", "--until", "2026-11-20 10:03"), [2, 3]),
        (("--since", "2026-11-21"), [5]),
        (("--since", "2030-01-01"), []),
    ],
)
def test_a_window(operator: Operator, window: tuple[str, ...], seqs: list[int]) -> None:
    """From `--since` on and before `--until`; nothing is no mistake."""
    keep(operator.data, "physics", LESSON)
    found = operator.done("export", "--room", "physics", "--format", "json", *window).records
    assert [record["seq"] for record in found] == seqs


@pytest.mark.parametrize("form", ["txt", "md", "json"])
def test_control_characters_do_not_get_out(operator: Operator, form: str) -> None:
    """They cannot get in; and if somebody wrote them into the file, they are shown and not sent."""
    keep(operator.data, "physics", LESSON[:1])
    tamper(
        operator.data, "UPDATE messages SET text = ?, sender = ?", "\x1b]0;x\x07\x9b2J", "\x1b[8m"
    )
    out = operator.done("export", "--room", "physics", "--format", form).out
    assert not set(out) & set("\x1b\x07\x9b")
    assert "1b" in out


def test_while_the_server_runs(operator: Operator) -> None:
    """All that was confirmed is in it at once."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        for number in range(20):
            ada.say("lobby", f"text {number}")
        lines = operator.done("export", "--room", "lobby", "--since", "1h").lines
        assert [line.partition("ada: ")[2] for line in lines] == [f"text {n}" for n in range(20)]
        ada.say("lobby", "and it goes on")


def test_to_a_file(operator: Operator, tmp_path: Path) -> None:
    """Private, and never over another without --force."""
    keep(operator.data, "physics", LESSON)
    target = tmp_path / "lesson.txt"
    assert operator.done("export", "--room", "physics", "-o", target).out == ""
    assert len(target.read_text().splitlines()) == 6
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    target.write_text("mine")
    assert "--force" in operator.refused("export", "--room", "physics", "-o", target)
    assert target.read_text() == "mine"
    operator.done("export", "--room", "physics", "-o", target, "--force")
    assert len(target.read_text().splitlines()) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "lesson.txt"]


def test_what_is_no_file_is_not_replaced(operator: Operator, tmp_path: Path) -> None:
    """Root could put a transcript in the place of /dev/null."""
    keep(operator.data, "physics", LESSON)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for target in (fifo, tmp_path):
        sentence = operator.refused("export", "--room", "physics", "-o", target, "--force")
        assert "not replaced" in sentence
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_messages_that_are_in_redis_are_told_of(operator: Operator) -> None:
    """The folder of a server with --log has everything but the history."""
    with running_server(operator.data):
        pass
    for file in operator.data.glob("history.db*"):
        file.unlink()
    assert "admin migrate --from" in operator.refused("export", "--room", "lobby")


def test_what_cannot_be(operator: Operator) -> None:
    """Each with a sentence that says what to do."""
    assert "--data" in operator.refused("export", "--room", "physics")
    keep(operator.data, "physics", LESSON)
    assert "physics" in operator.refused("export", "--room", "chemistry")
    assert "cannot be a room" in operator.refused("export", "--room", "../x")
    assert "2026-11-20 10:00" in operator.refused("export", "--room", "physics", "--since", "soon")
    assert "not after" in operator.refused(
        "export", "--room", "physics", "--since", "today", "--until", "yesterday"
    )
    assert operator.types("export").code == 2
    (operator.data / "history.db").write_bytes(b"nonsense" * 1000)
    assert "cannot be read" in operator.refused("export", "--room", "physics")


def test_memory_does_not_grow_with_the_history(operator: Operator) -> None:
    """A page at a time, of 20 pages here."""
    keep(operator.data, "physics", [(START, "ana", "text", "x" * 200)] * 20_000)
    tracemalloc.start()
    try:
        with History.open(operator.data) as history:
            count = sum(1 for _ in history.messages("physics", None, None))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 2_000_000


def test_a_transcript_has_the_latest_state(operator: Operator) -> None:
    """And says that there was a change; in no format what was deleted."""
    changed_room(operator.data)
    for name in ("txt", "json", "md"):
        out = operator.done("export", "--room", "lobby", "--format", name).out
        assert "rude" not in out
        assert "(deleted)" in out or "deleted" in out
    lines = [line.partition("  ")[2] for line in operator.done("export", "--room", "lobby").lines]
    assert lines == [
        "zoe: (deleted)",
        "* zoe edited message 1: (deleted)",
        "zoe (to message 1): why?",
        "* mia deleted message 1: be kind",
    ]
    records = operator.done("export", "--room", "lobby", "--format", "json").records
    assert [each.get("deleted", False) for each in records] == [True, True, False, False]
    assert [each.get("changes") for each in records] == [None, 1, None, 1]
