"""The way of one message in docs/load-testing.md names functions that exist."""

import importlib
import re
from inspect import getattr_static, isfunction

import pytest

from tests.support.servers import ROOT

PAGE = (ROOT / "docs" / "load-testing.md").read_text(encoding="utf-8")
WAY = PAGE.split("## The way of one message")[1].split("\n## ")[0]
STEPS = re.findall(r"^\d+\. ", WAY, re.MULTILINE)
NAMED = re.findall(r"`([\w/]+)\.py: ([\w.]+)`", WAY)


def test_it_has_at_most_ten_steps_and_each_names_a_function() -> None:
    """From the schedule to the verdict."""
    assert len(STEPS) == 10
    assert len(NAMED) >= len(STEPS)
    assert (NAMED[0][0], NAMED[-1][0]) == (
        "chat_client/load/model/schedule",
        "chat_client/load/model/verdict",
    )


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_function_is_there(path: str, name: str) -> None:
    """In that file, and in that class: defined there, and not imported."""
    module = importlib.import_module(path.replace("/", "."))
    found: object = module
    for part in name.split("."):
        found = getattr_static(found, part)
    assert isfunction(found)
    assert found.__module__ == module.__name__
