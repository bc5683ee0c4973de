"""The folders import what docs/architecture.md says they may, and nothing in a circle."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.servers import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = ("protocol", "chat_server", "chat_client")
TOP, GROUND = "(root)", "(ground)"

# What cannot be done without sockets, without threads, without a clock.
SOCKETS = {"asyncio", "select", "selectors", "socket", "socketserver"}
THREADS = {"concurrent", "multiprocessing", "queue", "sched", "subprocess", "threading"}
CLOCKS = {"calendar", "datetime", "time", "timeit"}

MODULES_LIMIT, FOLDERS_LIMIT = 10, 10
"""How many modules a folder has, unless it says why; how many folders a package."""

_WORDS = {11: "Eleven", 12: "Twelve", 13: "Thirteen"}


class Imports(NamedTuple):
    """What one module imports, wherever in it that stands."""

    ours: frozenset[str]
    others: frozenset[str]  # top-level packages, the standard library's too


class Folders(NamedTuple):
    """One package's table: what each folder may import, and which modules are its ground."""

    may_import: dict[str, set[str]]
    ground: set[str]

    def of(self, module: str) -> str:
        """The folder that a module stands in."""
        path = module.split(".")[1:]
        if path and path[0] in self.ground:
            return GROUND
        return path[0] if path and path[0] in self.may_import else TOP


# -- reading --------------------------------------------------------------------------------------


def modules() -> list[str]:
    """All of ours; a package is called like the module that it begins with."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in paths
    )


def read(source: str, known: Iterable[str]) -> Imports:
    """Find the imports in `source`, also those in functions and for the type checker alone."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "imports are absolute here"
            # What is imported from a package may be a module of it.
            named.update(
                full if (full := f"{node.module}.{alias.name}") in known else node.module
                for alias in node.names
            )
    ours = named & set(known)
    return Imports(frozenset(ours), frozenset(name.split(".")[0] for name in named - ours))


@cache
def imports() -> dict[str, Imports]:
    known = modules()
    return {module: read(_source(module), known) for module in known}


def _source(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file.read_text(encoding="utf-8")


def tables(page: str) -> dict[str, Folders]:
    """The tables of the page, one for each package; rows stand in the order of the layers."""
    found = {}
    for part in re.split(r"^### ", page.split("\n## The life")[0], flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^\| ([\w()]+) \| (.+) \| ([\w() ]+) \|$", part, re.MULTILINE)[1:]
        if rows and (package := part.split()[0]) in PACKAGES:
            found[package] = _folders(rows)
    return found


def _folders(rows: list[tuple[str, str, str]]) -> Folders:
    names = [name for name, _, _ in rows]
    may_import = {}
    for number, (name, _, rule) in enumerate(rows):
        first = rule.removesuffix(" and below")
        allowed = names[names.index(first) :] if rule.endswith(" and below") else [first]
        may_import[name] = set(allowed) - {"nothing"}
        assert may_import[name] <= set(names[number + 1 :]), f"{name} would import upward"
    ground = {
        name for row, text, _ in rows if row == GROUND for name in re.findall(r"`(\w+)`", text)
    }
    return Folders(may_import, ground)


def forbidden(graph: dict[str, Imports], folders: dict[str, Folders]) -> list[tuple[str, str]]:
    """Every import that the tables do not allow."""
    found = []
    for module, named in graph.items():
        package = module.partition(".")[0]
        for other in named.ours:
            its_package = other.partition(".")[0]
            if its_package != package:
                if its_package != "protocol":
                    found.append((module, other))
                continue
            table = folders[package]
            here, there = table.of(module), table.of(other)
            if other != package and there != here and there not in table.may_import[here]:
                found.append((module, other))
    return sorted(found)


def circle(graph: dict[str, Imports]) -> list[str]:
    """Modules that import one another in a circle; none if there is no such."""
    try:
        TopologicalSorter({module: named.ours for module, named in graph.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def below(module: str, graph: dict[str, Imports]) -> set[str]:
    """A module, and all of ours that it imports, directly or by way of others."""
    found, left = set(), [module]
    while left:
        if (each := left.pop()) not in found:
            found.add(each)
            left.extend(graph[each].ours)
    return found


# -- the tree -------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_has_a_row(package: str) -> None:
    """And every row a folder."""
    folders = {path.parent.name for path in (ROOT / package).glob("*/*.py")}
    rows = set(tables(PAGE)[package].may_import)
    assert folders == rows - {TOP, GROUND}


def test_imports_are_allowed() -> None:
    """Also those in functions, and those for the type checker alone."""
    assert forbidden(imports(), tables(PAGE)) == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Within a folder neither."""
    assert circle(imports()) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_base_name_is_used_once(package: str) -> None:
    """One name means one thing."""
    names = [path.stem for path in (ROOT / package).rglob("*.py") if path.stem[0] != "_"]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_public_class_has_its_name_for_itself(package: str) -> None:
    """Also the name of a type that is none, such as a union; not that of a TypeVar."""
    own = [module for module in modules() if module.split(".")[0] == package]
    names = [name for module in own for name in types(_source(module))]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def types(source: str) -> list[str]:
    """The public classes of a module, and its public names for other types."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call):
            found.extend(each.id for each in node.targets if isinstance(each, ast.Name))
    return [name for name in found if re.match(r"[A-Z]\w*[a-z]", name)]


def folders(package: str) -> list[Path]:
    """All folders with modules in them, those below others too, without the package itself."""
    return sorted(path.parent for path in (ROOT / package).glob("*/**/__init__.py"))


def says(folder: Path) -> str:
    """The docstring of a folder."""
    return ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_says_what_it_is_for(package: str) -> None:
    """In three lines: what it is for, what it may import, what must never be in it."""
    for folder in folders(package):
        assert re.search(r"^It may import: .+$", says(folder), re.MULTILINE), folder
        assert re.search(r"^Never in it: .+$", says(folder), re.MULTILINE), folder


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_with_more_than_ten_modules_says_why(package: str) -> None:
    """In a sentence that begins with how many they are, so that it is true."""
    for folder in folders(package):
        count = len([path for path in folder.glob("*.py") if path.stem != "__init__"])
        told = re.findall(r"^(\w+) modules: ", says(folder), re.MULTILINE)
        assert told == ([_WORDS[count]] if count > MODULES_LIMIT else []), (folder, count)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_at_most_ten_folders(package: str) -> None:
    """So they can be seen at a glance."""
    assert len(list((ROOT / package).glob("*/__init__.py"))) <= FOLDERS_LIMIT


def test_a_folder_and_what_lies_beside_it_import_in_one_direction() -> None:
    """At every depth: none imports a module that imports the folder, whatever module of it."""
    for package in PACKAGES:
        for place in (package, *(_dotted(folder) for folder in folders(package))):
            assert circle(siblings(place, imports())) == [], place


def test_a_folder_below_another_imports_what_it_says() -> None:
    """Of what lies beside it. The rest is in the table."""
    for package in PACKAGES:
        for folder in folders(package):
            place, _, name = _dotted(folder).rpartition(".")
            if place != package:
                beside = siblings(place, imports())
                used = beside[name].ours if name in beside else frozenset()
                modules_beside = {path.stem for path in folder.parent.glob("*.py")}
                assert used <= may_import(says(folder), modules_beside, set(beside)), folder


def may_import(text: str, beside: set[str], all_beside: set[str]) -> set[str]:
    """What a folder says that it may import, of the modules beside it and of all that is there."""
    rule = re.search(r"^It may import: (.+)$", text, re.MULTILINE)
    assert rule, text
    if "the rest of" in rule[1]:
        return all_beside
    named, _, but = rule[1].partition(" but ")
    found = set(re.findall(r"`(\w+)`", named))
    if "the modules of" in named:
        found |= beside - set(re.findall(r"`(\w+)`", but))
    return found


def siblings(place: str, graph: dict[str, Imports]) -> dict[str, Imports]:
    """What lies directly in a folder, modules and folders, and which import which."""

    def part(module: str) -> str:
        return module.removeprefix(f"{place}.").partition(".")[0]

    inside = {module: named for module, named in graph.items() if module.startswith(f"{place}.")}
    found: dict[str, set[str]] = {}
    for module, named in inside.items():
        others = {part(other) for other in named.ours if other in inside}
        found.setdefault(part(module), set()).update(others - {part(module)})
    return {name: Imports(frozenset(ours), frozenset()) for name, ours in found.items()}


def _dotted(folder: Path) -> str:
    return ".".join(folder.relative_to(ROOT).parts)


@pytest.mark.parametrize("module", [each for each in modules() if each.startswith("protocol")])
def test_the_protocol_needs_neither_sockets_nor_threads_nor_a_clock(module: str) -> None:
    """A lock is all that TLS takes, as two threads use one connection."""
    assert not imports()[module].others & (SOCKETS | CLOCKS)
    if module != "protocol.tls":
        assert not imports()[module].others & THREADS
        return
    tree = ast.parse(_source(module))
    taken = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in THREADS
    }
    assert taken == {"Lock"}


@pytest.mark.parametrize(
    "module",
    [each for each in modules() if re.match(r"chat_server\.(rooms\.room$|storage\.sqlite)", each)],
)
def test_a_room_and_its_log_know_no_sockets(module: str) -> None:
    """Nothing that they import knows any, either."""
    for each in below(module, imports()):
        assert not imports()[each].others & (SOCKETS | {"ssl"}), each


def test_only_storage_and_the_files_of_people_know_sql() -> None:
    """Gateways, requests, delivery and rooms ask them."""
    for module, named in imports().items():
        if re.match(r"chat_server\.(gateways|requests|moderation|delivery)", module):
            assert "sqlite3" not in named.others, module


# -- whether all this would be noticed ------------------------------------------------------------

_TOY = """
### chat_server

| folder | what it is | may import |
|---|---|---|
| (root) | the program | top and below |
| top | what is above | middle and below |
| middle | what is between | (ground) |
| rooms | the rest | (ground) |
| (ground) | `version` | nothing |

### chat_client

| folder | what it is | may import |
|---|---|---|
| (root) | the other side | nothing |

### protocol

| folder | what it is | may import |
|---|---|---|
| (root) | what both need | nothing |
"""


def toy(**sources: str) -> dict[str, Imports]:
    """Modules of that content, as if they were all. `__` stands for a dot."""
    named = {name.replace("__", "."): source for name, source in sources.items()}
    return {name: read(source, named) for name, source in named.items()}


def test_what_is_forbidden_is_found() -> None:
    """In a function, for the type checker alone, in the root, and to the other side."""
    graph = toy(
        chat_server__cli="from chat_server.top import one",
        chat_server__top__one="from chat_server.rooms import store\nimport chat_server.version",
        chat_server__middle__two="if TYPE_CHECKING:\n    from chat_server.top.one import Top",
        chat_server__rooms__store="def f():\n    import chat_server.middle.two\nimport protocol",
        chat_server__version="import chat_server.cli",
        chat_client__view="from chat_server.rooms.store import Store",
        protocol="from chat_client import view",
    )
    assert forbidden(graph, tables(_TOY)) == [
        ("chat_client.view", "chat_server.rooms.store"),
        ("chat_server.middle.two", "chat_server.top.one"),
        ("chat_server.rooms.store", "chat_server.middle.two"),
        ("chat_server.version", "chat_server.cli"),
        ("protocol", "chat_client.view"),
    ]


def test_a_circle_is_found() -> None:
    """Wherever it begins. Without a circle, none is found."""
    ring = toy(a="import b", b="from c import d", c="import a", e="import a")
    assert set(circle(ring)) == {"a", "b", "c"}
    assert circle(toy(a="import b", b="import c", c="")) == []


def test_types_are_found() -> None:
    """Neither constants nor what is private."""
    source = 'class A1b: ...\nclass _B: ...\nKind = A1b | None\nONE = 1\nItem = TypeVar("Item")\n'
    assert types(source) == ["A1b", "Kind"]


def test_a_circle_of_folders_is_found() -> None:
    """Also where no module imports itself by way of others."""
    graph = toy(
        p__upper__one="import p.lower.two", p__lower__two="", p__lower__three="import p.upper.four",
        p__upper__four="", p__beside="import p.upper.one",
    )  # fmt: skip
    assert circle(graph) == []
    assert set(circle(siblings("p", graph))) == {"upper", "lower"}
    assert siblings("p.upper", graph)["one"].ours == frozenset()


def test_what_a_folder_says_is_read() -> None:
    """By name, all modules but some, or all."""
    modules_beside, beside = {"a", "b"}, {"a", "b", "folder", "own"}
    for line, allowed in (
        ("`a`, and what `x` may.", {"a", "x"}),
        ("`folder`, the modules of `x` but `b`, and what `x` may.", {"a", "folder", "x"}),
        ("the rest of x.", beside),
    ):
        assert may_import(f"It may import: {line}", modules_beside, beside) == allowed


def test_what_a_module_imports_goes_all_the_way() -> None:
    """Over others."""
    graph = toy(a="import b", b="import c", c="", d="import a")
    assert below("a", graph) == {"a", "b", "c"}
