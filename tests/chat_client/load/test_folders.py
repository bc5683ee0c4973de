"""The four folders of the load tester import what their `__init__` says they may."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.test_layers import CLOCKS, SOCKETS, THREADS, imports
from tests.support.servers import ROOT

FOLDERS = ("control", "report", "generator", "model")  # from the top down
_PACKAGE = "chat_client.load."


def may_import(folder: str) -> set[str]:
    """The folders of the load tester that the docstring of `folder` names behind "may import"."""
    path = ROOT / "chat_client" / "load" / folder / "__init__.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    rule = re.search(r"^It may import: (.+)$", text, re.MULTILINE)
    assert rule, f"{folder} does not say what it may import"
    assert re.search(r"^Never in it: ", text, re.MULTILINE)
    return {name for name in FOLDERS if f"`{name}`" in rule[1]}


def test_the_package_names_its_folders() -> None:
    """The docstring of the package names all folders, and no others."""
    found = {path.parent.name for path in (ROOT / "chat_client" / "load").glob("*/__init__.py")}
    assert found == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_go_down_only(folder: str) -> None:
    """A folder may import only those below it, and imports only what it says."""
    allowed = may_import(folder)
    assert allowed <= set(FOLDERS[FOLDERS.index(folder) + 1 :])
    inside = {
        module: named
        for module, named in imports().items()
        if module.startswith(f"{_PACKAGE}{folder}.")
    }
    assert inside
    for module, named in inside.items():
        used = {other.removeprefix(_PACKAGE).partition(".")[0] for other in named.ours}
        assert used & set(FOLDERS) <= allowed | {folder}, module


def test_the_model_does_nothing() -> None:
    """It has no socket, no process, no thread and no clock."""
    for module, named in imports().items():
        if module.startswith(f"{_PACKAGE}model."):
            assert not named.others & (SOCKETS | THREADS | CLOCKS), module


def test_every_module_has_its_tests() -> None:
    """`tests/chat_client/load` mirrors the folders file for file. `load_errors` does nothing."""
    package, tests = ROOT / "chat_client" / "load", ROOT / "tests" / "chat_client" / "load"
    modules = {path.relative_to(package) for path in package.glob("*/[a-z]*.py")}
    tested = {
        path.relative_to(tests).with_name(path.name.removeprefix("test_"))
        for path in tests.glob("*/test_*.py")
    }
    assert modules - tested == {Path("model/load_errors.py")}
    assert tested <= modules
