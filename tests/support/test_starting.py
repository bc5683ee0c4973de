"""A program is found, however far from the test it is started; a server in here is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ServerProcess, running_server
from tests.support.starting import starts_programs


def _answer() -> int:
    return subprocess.run([sys.executable, "-c", "exit(42)"], check=False).returncode


class _Asker:
    @property
    def answer(self) -> int:
        return _answer()


@pytest.fixture
def answer() -> int:
    return _answer()


def test_in_a_method_of_a_class(request: pytest.FixtureRequest) -> None:
    assert _Asker().answer == 42
    assert starts_programs(request.node)


def test_in_a_fixture(request: pytest.FixtureRequest, answer: int) -> None:
    assert answer == 42
    assert starts_programs(request.node)


def test_in_a_helper_of_all(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with ServerProcess.serve(tmp_path / "data"):
        assert starts_programs(request.node)


def test_a_server_in_this_process(request: pytest.FixtureRequest) -> None:
    with running_server():
        assert not starts_programs(request.node)
