"""What docs/architecture.md says of the layers is so."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import pytest

from tests.support.servers import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = ("protocol", "chat_server", "chat_client")

# What cannot be done without sockets, without threads, without a clock.
SOCKETS = {"asyncio", "select", "selectors", "socket", "socketserver"}
THREADS = {"concurrent", "multiprocessing", "queue", "sched", "subprocess", "threading"}
CLOCKS = {"calendar", "datetime", "time", "timeit"}


class Imports(NamedTuple):
    """What one module imports, wherever in it that stands."""

    ours: frozenset[str]
    others: frozenset[str]  # top-level packages, the standard library's too


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


def layers_on(page: str) -> dict[str, list[list[str]]]:
    """The lists of the page: for each package its layers from the top, as they are written."""
    found: dict[str, list[list[str]]] = {}
    for line in page.split("## The layers")[1].split("\n| ")[0].splitlines():
        if package := re.fullmatch(r" {4}(\w+)", line):
            layers = found.setdefault(package[1], [])
        elif layer := re.fullmatch(r" {6}(\S.*?) {2,}\S.*", line):
            layers.append(layer[1].split(", "))
    return found


def places(module: str, layers: list[list[str]]) -> list[int]:
    """In which layers a module stands: those that name it, else those that name its package."""
    _, _, name = module.partition(".")
    name = name.replace(".", "/") or "__init__"
    for called in (name, f"{name}/", f"{name.partition('/')[0]}/"):
        if numbers := [number for number, layer in enumerate(layers) if called in layer]:
            return numbers
    return []


def upward(graph: dict[str, Imports], layers: dict[str, list[list[str]]]) -> list[tuple[str, str]]:
    """Every import that points up, or to the other side."""
    found = []
    for module, named in graph.items():
        package = module.partition(".")[0]
        for other in named.ours:
            its_package = other.partition(".")[0]
            if its_package != package:
                if its_package != "protocol":
                    found.append((module, other))
            elif places(other, layers[package]) < places(module, layers[package]):
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
    """A module, and all of ours that it stands on."""
    found, left = set(), [module]
    while left:
        if (each := left.pop()) not in found:
            found.add(each)
            left.extend(graph[each].ours)
    return found


# -- the page -------------------------------------------------------------------------------------


def test_each_module_stands_in_one_layer() -> None:
    """And each name in the lists is that of a module or a package."""
    layers = layers_on(PAGE)
    assert set(layers) == set(PACKAGES)
    for module in modules():
        assert len(places(module, layers[module.partition(".")[0]])) == 1, module
    for package, lists in layers.items():
        for name in (name for layer in lists for name in layer):
            path = ROOT / package / name
            assert path.is_dir() if name.endswith("/") else path.with_suffix(".py").is_file(), name


def test_imports_point_down() -> None:
    """Also those in functions, and those for the type checker alone."""
    assert upward(imports(), layers_on(PAGE)) == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Within a layer neither."""
    assert circle(imports()) == []


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
    "module", [each for each in modules() if re.match(r"chat_server\.(room$|history)", each)]
)
def test_a_room_and_its_history_know_no_sockets(module: str) -> None:
    """Nor does anything that they stand on."""
    for each in below(module, imports()):
        assert not imports()[each].others & (SOCKETS | {"ssl"}), each


def test_what_is_kept_of_people_knows_no_sockets() -> None:
    """An address is all that it knows of where somebody is."""
    for module, named in imports().items():
        if module.startswith("chat_server.people"):
            assert not named.others & (SOCKETS | {"ssl"}), module


def test_a_connection_knows_no_sql() -> None:
    """Nor do those who answer."""
    for module in ("connection", "requests", "account_requests", "registry", "room", "session"):
        assert "sqlite3" not in imports()[f"chat_server.{module}"].others, module


# -- whether all this would be noticed ------------------------------------------------------------

_TOY = """## The layers

    chat_server
      top, rooms/store     what is above
      middle               what is
      rooms/               the rest

    chat_client
      view                 the other side

    protocol
      __init__             what both need

| to change ... | look at ... |
"""


def toy(**sources: str) -> dict[str, Imports]:
    """Modules of that content, as if they were all. `__` stands for a dot."""
    named = {name.replace("__", "."): source for name, source in sources.items()}
    return {name: read(source, named) for name, source in named.items()}


def test_what_points_up_is_found() -> None:
    """In a function, for the type checker alone, from a package, and to the other side."""
    graph = toy(
        chat_server__top="from chat_server import middle\nimport chat_server.rooms.directory.store",
        chat_server__middle="if TYPE_CHECKING:\n    from chat_server.top import Top",
        chat_server__rooms="def f():\n    import chat_server.middle",
        chat_server__rooms__list="from chat_server.rooms.directory import store\nimport protocol",
        chat_server__rooms__store="import socket\nfrom chat_server.rooms.directory.list import List",
        chat_client__view="from chat_server.rooms.directory.list import List",
        protocol="from chat_client import view",
    )
    assert upward(graph, layers_on(_TOY)) == [
        ("chat_client.display.model", "chat_server.rooms.directory.list"),
        ("chat_server.middle", "chat_server.top"),
        ("chat_server.rooms.directory", "chat_server.middle"),
        ("chat_server.rooms.directory.list", "chat_server.rooms.directory.store"),
        ("protocol", "chat_client.display.model"),
    ]


def test_a_circle_is_found() -> None:
    """Wherever it begins; and none where there is none."""
    ring = toy(a="import b", b="from c import d", c="import a", e="import a")
    assert set(circle(ring)) == {"a", "b", "c"}
    assert circle(toy(a="import b", b="import c", c="")) == []


def test_what_a_module_stands_on_goes_all_the_way() -> None:
    """Over others."""
    graph = toy(a="import b", b="import c", c="", d="import a")
    assert below("a", graph) == {"a", "b", "c"}
