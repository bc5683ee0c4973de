"""What the tests of the operator's commands stand on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat_server.admin.folders import Operator


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC, wherever the tests run."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def operator(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Operator:
    """An operator whose data folder is new."""
    data = tmp_path / "data"
    data.mkdir()
    return Operator(capsys, data)
