"""The life of a `say` in docs/architecture.md names functions that exist."""

import ast
import re

import pytest

from tests.support.servers import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LIFE = PAGE.split("## The life of a `say`")[1].split("\n## ")[0]
STEPS = re.findall(r"^\d+\. ", LIFE, re.MULTILINE)
NAMED = re.findall(r"`([\w/]+\.py): ([\w.]+)`", LIFE)


def test_it_has_at_most_ten_steps_and_each_names_a_function() -> None:
    """One can walk it in a lesson."""
    assert 5 <= len(STEPS) <= 10
    assert len(NAMED) >= len(STEPS)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_function_is_there(path: str, name: str) -> None:
    """In that file, and in that class."""
    scope: ast.AST = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for part in name.split("."):
        found = [
            node
            for node in ast.iter_child_nodes(scope)
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == part
        ]
        assert found, f"{path} has no {name}"
        scope = found[0]
