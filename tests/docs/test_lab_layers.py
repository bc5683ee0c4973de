"""The lab's folders import what docs/architecture.md says they may; nothing imports the lab."""

import re
from functools import cache

from tests.docs import test_layers
from tests.docs.test_layers import Folders, Imports, circle, read
from tests.support.servers import ROOT

PART = test_layers.PAGE.split("\n### lab\n")[1].split("\n`protocol` knows")[0]
ROWS = re.findall(r"^\| ([\w()]+) \| (.+) \| ([\w() ]+) \|$", PART, re.MULTILINE)[1:]

PROGRAMS = ("exercises/starters/",)
"""Files that a student begins with: programs of their own."""


@cache
def graph() -> dict[str, Imports]:
    """What each module of the lab imports of it."""
    paths = [
        path
        for path in (ROOT / "lab").rglob("*.py")
        if not path.relative_to(ROOT / "lab").as_posix().startswith(PROGRAMS)
    ]
    known = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }
    return {name: read(path.read_text(encoding="utf-8"), known) for name, path in known.items()}


def folders() -> Folders:
    """The table of the page."""
    names = [name for name, _, _ in ROWS]
    may_import = {
        name: set(names[names.index(rule.removesuffix(" and below")) :])
        if rule != "nothing"
        else set()
        for name, _, rule in ROWS
    }
    return Folders(may_import, set())


def test_every_folder_has_a_row() -> None:
    """And every row a folder."""
    rows = {name for name, _, _ in ROWS} - {"(root)"}
    assert {path.parent.name for path in (ROOT / "lab").glob("*/__init__.py")} == rows


def test_imports_are_allowed() -> None:
    """Within the lab; what it imports of the packages stands below all of it."""
    table = folders()
    wrong = [
        (module, other)
        for module, named in graph().items()
        for other in named.ours
        if other != "lab"
        and table.of(module) != table.of(other)
        and table.of(other) not in table.may_import[table.of(module)]
    ]
    assert wrong == []
    assert circle(graph()) == []


def test_the_packages_do_not_import_the_lab() -> None:
    """They run without it."""
    for module, named in test_layers.imports().items():
        assert "lab" not in named.others, module


def test_the_servers_of_a_lesson_import_the_standard_library_alone() -> None:
    """So do the programs that a lesson runs beside it, and the probe that runs the servers."""
    for module, named in graph().items():
        if module.startswith("lab.lessons.") and module.count(".") == 3:
            if module.endswith(".attack"):
                continue
            assert not named.ours, module
            assert not named.others & {"rich", "msgspec", "chat_client", "chat_server"}, module
    assert not graph()["lab.stage.probe"].ours
