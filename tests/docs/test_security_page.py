"""What docs/security.md names is there: every test, and a line for every request."""

import re
from functools import cache

import pytest

from protocol.messages import AnyRequest
from tests.support.servers import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))
ROWS = re.findall(r"^\| (?!(?:attack|request|who) \|).*", PAGE, re.MULTILINE)


@cache
def _source(path: str) -> str:
    return (ROOT / "tests" / path).read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda each: str(each))
def test_every_test_that_is_named_is_there(path: str, name: str) -> None:
    """By its name, in that file."""
    assert re.search(rf"^def {name}\(", _source(path), re.MULTILINE)


def test_every_line_names_a_test() -> None:
    """But for the tables of who is expected and of what was measured, which are no defences."""
    others = "".join(
        PAGE.split(f"## {title}")[1].split("\n## ")[0]
        for title in ("Who is expected", "The attacks")
    )
    for row in ROWS:
        assert row in others or "::test_" in row, row


def test_every_request_has_a_line() -> None:
    """Whoever adds one says what it can cost."""
    lines = PAGE.split("## Request by request")[1].split("\n## ")[0]
    asked = {
        name for row in lines.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])
    }
    assert asked == {str(kind.__struct_config__.tag) for kind in AnyRequest.__args__}
