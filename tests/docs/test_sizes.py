"""What is longer than most says why, so that it is looked at before it grows."""

import ast
import re
from pathlib import Path

from tests.docs.test_layers import PACKAGES
from tests.support.servers import ROOT

FILE_LIMIT, FUNCTION_LIMIT = 500, 60
"""Lines."""

WHY = re.compile(r"\blong\b|Over 500 lines")
"""Stands at the top of a module that is long, or has a long function."""


def sources(*folders: str) -> dict[Path, str]:
    return {
        path.relative_to(ROOT): path.read_text(encoding="utf-8")
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def top(source: str) -> str:
    """What stands above the first statement: the docstring, and a comment."""
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return "\n".join(source.split("\n")[: node.lineno - 1])
    return source


def long_functions(source: str) -> list[str]:
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LIMIT
    ]


def test_a_long_module_says_why() -> None:
    """Also one of the tests."""
    for path, source in sources(*PACKAGES, "lab", "benchmarks", "tests").items():
        assert source.count("\n") <= FILE_LIMIT or WHY.search(top(source)), path


def test_a_module_with_a_long_function_says_why() -> None:
    """Those of the programs."""
    for path, source in sources(*PACKAGES, "lab").items():
        assert not long_functions(source) or WHY.search(top(source)), path


def test_what_is_long_is_found() -> None:
    """By lines; what is said further down does not count."""
    short = "def f():\n" + "    pass\n" * 59
    assert long_functions(short) == []
    assert long_functions(short + "    pass\n") == ["f"]
    assert WHY.search(top('"""One.\n\nIt is long, as it is.\n"""\nimport os\n'))
    assert not WHY.search(top('"""One."""\nimport os\n# long\n'))
