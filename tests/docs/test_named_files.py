"""The documents name files that exist."""

import re
from pathlib import Path

import pytest

from tests.support.servers import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = "benchmarks|chat_client|chat_server|deploy|docs|lab|protocol|tests"
# A path of this repository in backticks, with a colon before a function or a test, or none.
NAMED = re.compile(rf"`((?:{PACKAGES})/[\w./-]+\.\w+)(?:`|::?)")
TESTS = re.compile(r"`(?:[\w/]+/)?(test_\w+\.py)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_is_there(page: Path) -> None:
    """From the root of the repository, or from `tests`."""
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    roots = (ROOT, ROOT / "tests")
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_file_is_there(page: Path) -> None:
    """Also where it stands without its folder."""
    known = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = TESTS.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if name not in known] == []
