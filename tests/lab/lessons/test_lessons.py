"""Every broken server fails its own attack and no earlier one; every other server withstands it."""

import ast
import re
import subprocess
from collections.abc import Sequence

import pytest

from lab.lessons.catalogue import NAMES, lesson, lessons
from lab.lessons.thread_each import attack as crowds
from lab.stage.lesson import Lesson, Server
from lab.stage.play import play
from lab.stage.stage import Stage, Verdict
from tests.support.leaks import nothing_left_behind
from tests.support.servers import ROOT
from tests.support.waiting import eventually

pytestmark = [pytest.mark.long, pytest.mark.alone]

ALL = lessons()
PLAYS = [
    pytest.param(each, server, id=f"{each.name}-{server.file}")
    for each in ALL
    for server in each.servers
]

ECHO = ("iterative-server", "tcp-has-no-messages", "send-is-not-sendall")
"""Attacks on what every server has: it answers its own clients."""

CHAT = (*ECHO, "registry-without-lock")
"""Attacks on a server whose clients hear one another."""

EARLIER = {
    "tcp-has-no-messages": ECHO[:1],
    "send-is-not-sendall": ECHO[:2],
    "registry-without-lock": ECHO,
    "lost-update": CHAT,
    "frozen-reader": (*CHAT, "lost-update"),
    "deadlock": (*CHAT, "frozen-reader"),
    "backpressure": (*CHAT, "frozen-reader"),
    "dead-peers": (*CHAT, "frozen-reader"),
    "thread-each": (*CHAT, "frozen-reader"),
    "the-gil": (*CHAT, "frozen-reader"),
    "measuring-honestly": (*CHAT, "frozen-reader"),
    "names-and-addresses": (*CHAT, "frozen-reader"),
}
"""The earlier attacks that make sense on a lesson's servers. UDP has no connections to attack."""

SUSPENDING = {"send-is-not-sendall", "registry-without-lock", "frozen-reader"}
"""Attacks that suspend a client, for seconds on a busy machine."""

BEFORE = [
    pytest.param(lesson(earlier), lesson(name), file, id=f"{name}-{file}-{earlier}")
    for name, all_earlier in EARLIER.items()
    for earlier in all_earlier
    for file in ("broken.py", "mended.py")
    # This server takes who answers no ping for four seconds for dead, suspended or not.
    if (name, file) != ("dead-peers", "mended.py") or earlier not in SUSPENDING
]


def processes_of(group: int) -> list[str]:
    """What still runs in a process group."""
    asked = ["ps", "-eww", "-o", "pgid=,stat=,args="]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [row[2] for row in rows if row[0] == str(group) and row[1][0] != "Z"]


def played(each: Lesson, server: Server, pids: list[int] | None = None) -> Verdict:
    """Play a lesson's attack on a server."""

    def watch(stage: Stage, _: object) -> None:
        if pids is not None:
            pids.append(stage.server.pid)

    verdict = play(each, server, watch)
    assert verdict is not None
    return verdict


@pytest.mark.parametrize(("each", "server"), PLAYS)
def test_an_attack_finds_what_is_wrong(each: Lesson, server: Server) -> None:
    """And nothing where nothing is. No thread, no descriptor and no process is left."""
    pids: list[int] = []
    with nothing_left_behind():
        verdict = played(each, server, pids)
    assert verdict.passed == server.withstands, verdict
    assert verdict.sentence
    assert verdict.numbers
    eventually(lambda: not processes_of(pids[0]))


@pytest.mark.parametrize(("earlier", "later", "file"), BEFORE)
def test_a_server_withstands_the_earlier_attacks(earlier: Lesson, later: Lesson, file: str) -> None:
    """Each lesson breaks one thing only."""
    verdict = played(
        earlier, Server(str(later.folder / file), "of a later lesson", withstands=True)
    )
    assert verdict.passed, verdict


def test_the_lessons_have_numbers() -> None:
    """In the order of the list; a number stands for a name."""
    assert [each.number for each in ALL] == list(range(1, 15))
    assert [lesson(str(number)).name for number in range(1, 15)] == list(NAMES)


@pytest.mark.parametrize("each", ALL, ids=NAMES)
def test_a_server_is_short_and_guilty_lines_are_in_it(each: Lesson) -> None:
    """Under 80 lines, standard library only, and the marked lines are those of the broken one."""
    assert [server.file for server in each.servers][:2] == ["broken.py", "mended.py"]
    for server in each.servers:
        source = each.path(server).read_text(encoding="utf-8")
        assert source.count("\n") < 80, server
        assert "import lab" not in source
        assert "from lab" not in source
    broken = each.path(each.servers[0]).read_text(encoding="utf-8").splitlines()
    mended = each.path(each.servers[1]).read_text(encoding="utf-8").splitlines()
    assert set(each.guilty) <= set(broken)
    assert broken != mended


@pytest.mark.parametrize("each", ALL, ids=NAMES)
def test_what_a_text_names_in_the_real_server_is_there(each: Lesson) -> None:
    """The function in that file, and in that class."""
    named = re.findall(r"`([\w/]+\.py): ([\w.]+)`", each.text)
    assert named
    for path, name in named:
        scope: ast.AST = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        for part in name.split("."):
            found = [
                node
                for node in ast.iter_child_nodes(scope)
                if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == part
            ]
            assert found, f"{path} has no {name}"
            scope = found[0]


@pytest.mark.parametrize("each", ALL, ids=NAMES)
def test_a_text_has_its_parts(each: Lesson) -> None:
    """What to watch, why, where the real server does it, three questions; and its code is real."""
    headings = [line for line in each.text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## What to watch",
        "## Why it happens",
        "## In the real server",
        "## Questions",
    ]
    questions = each.text.partition("## Questions\n")[2]
    assert sum(line[:2] in ("1.", "2.", "3.") for line in questions.splitlines()) == 3
    sources = "".join(each.path(server).read_text(encoding="utf-8") for server in each.servers)
    for line in code_of(each.text):
        assert line.strip() in sources, line


def code_of(text: str) -> Sequence[str]:
    """The lines of the code blocks of a page, without those of other languages than Python."""
    parts = text.split("```python\n")[1:]
    return [line for part in parts for line in part.partition("```")[0].splitlines() if line]


def test_what_is_measured_beside_a_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has tables with a cell below each heading. The crowds are small ones here."""
    monkeypatch.setattr(crowds, "COUNTS", (10,))
    for each in ALL:
        if each.beside is None or each.name == "udp":  # that one asks the whole network
            continue
        with nothing_left_behind():
            tables = each.beside()
        assert tables
        for table in tables:
            assert table.rows
            assert {len(row) for row in table.rows} == {len(table.headings)}
