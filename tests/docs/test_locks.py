"""The table of locks in docs/architecture.md names every lock of the server, and no other."""

import ast
import re
from collections.abc import Iterator

from tests.support.servers import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLE = PAGE.split("\n## Locks\n")[1].split("\n## ")[0]
NAMED = re.findall(r"^\| `([\w.]+)`", TABLE, re.MULTILINE)
PACKAGES = ("protocol", "chat_server")
KINDS = {"Lock", "RLock", "Condition"}


def locks(source: str, module: str) -> Iterator[str]:
    """Every lock that is made in `source`: `Class.attribute`, or `module.name` outside a class.

    A condition that is made of a lock is that lock.
    """
    for scope in ast.walk(ast.parse(source)):
        if isinstance(scope, ast.Module):
            yield from (f"{module}.{name}" for name in _made(scope.body))
        elif isinstance(scope, ast.ClassDef):
            methods = [each for each in scope.body if isinstance(each, ast.FunctionDef)]
            for method in methods:
                yield from (f"{scope.name}.{name}" for name in _made(list(ast.walk(method))))


def _made(nodes: list[ast.AST] | list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        call = ast.unparse(node.value)
        if re.fullmatch(rf"threading\.({'|'.join(KINDS)})\(\)", call):
            yield ast.unparse(node.targets[0]).removeprefix("self.")


def test_every_lock_has_a_row_and_every_row_a_lock() -> None:
    """With the class that has it."""
    made = {
        lock
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for lock in locks(path.read_text(encoding="utf-8"), path.stem)
    }
    assert made == set(NAMED)
    assert len(NAMED) == len(set(NAMED))


def test_a_lock_is_found_wherever_it_is_made() -> None:
    """In a class and in a module; a condition that shares a lock is no other."""
    source = """
_ending = threading.Lock()
class Box:
    def __init__(self):
        self._lock = threading.Lock()
        self._full = threading.Condition(self._lock)
        if True:
            self._changed = threading.Condition()
"""
    assert set(locks(source, "box")) == {"box._ending", "Box._lock", "Box._changed"}
