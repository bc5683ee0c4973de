"""What a constant means stands in a docstring below it, and in no comment above or beside it."""

import ast
import re

import pytest

from tests.docs.test_layers import PACKAGES, modules
from tests.support.servers import ROOT

MARK = re.compile(r"#\s*(?:--|fmt:|noqa|type:|pragma)")
"""Comments that say nothing of a constant: a heading inside a module, a word to a tool."""


def commented(source: str) -> list[str]:
    """The constants of a module that have a comment above them, or beside them on their line."""
    lines = source.split("\n")
    found = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        comments = [lines[node.lineno - 2]] if node.lineno > 1 else []
        if node.end_lineno == node.lineno:  # the parts of a longer one may have comments
            line = lines[node.lineno - 1].encode()
            comments.append(line[node.end_col_offset :].decode().strip())
        if any(each.startswith("#") and not MARK.match(each) for each in comments):
            found.append(lines[node.lineno - 1])
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_constant_is_documented_below_it(package: str) -> None:
    """So there is one place to look, and an editor shows it."""
    for module in modules():
        if module.partition(".")[0] == package:
            path = ROOT.joinpath(*module.split("."))
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            assert commented(file.read_text(encoding="utf-8")) == [], file


def test_a_comment_is_found() -> None:
    """Above and beside; what is in the value, and what belongs to nothing, is left alone."""
    assert commented("# Seconds.\nA = 1") == ["A = 1"]
    assert commented("A: int = 1  # seconds") == ["A: int = 1  # seconds"]
    assert commented('A = "#"\n"""A sign."""\nB = {  # fmt: skip\n    1: 2,  # one\n}') == []
    assert commented("# -- part ---\nA = 1  # noqa: S101\n\n# Free.\n\nB = 2") == []
