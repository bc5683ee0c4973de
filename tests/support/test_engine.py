"""Where the servers of the tests keep their logs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chat_server.only_sqlite import ONLY_SQLITE, why_only_sqlite
from tests.support.engine import Databases, log_of, options_of
from tests.support.redis_server import needs_redis
from tests.support.servers import ROOT, ServerProcess, running_server


def test_each_test_that_is_only_of_sqlite_is_there() -> None:
    """A name that nothing has any more would hide that its test runs on Redis."""
    missing = []
    for name in (name for names in ONLY_SQLITE.values() for name in names):
        file, _, function = name.partition("::")
        path = ROOT / "tests" / "chat_server" / file
        if not path.exists() or (function and function not in functions(path)):
            missing.append(name)
    assert missing == []


def functions(path: Path) -> set[str]:
    """The names of the functions of a module."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    return {each.name for each in module.body if isinstance(each, ast.FunctionDef)}


def test_a_name_stands_for_all_cases_of_a_test() -> None:
    reason, names = next(iter(ONLY_SQLITE.items()))
    assert why_only_sqlite(f"tests/chat_server/{names[0]}[case]") == reason
    assert why_only_sqlite("tests/chat_server/test_server.py::test_any") is None


@pytest.mark.long
@needs_redis
def test_each_folder_has_a_database_of_its_own(tmp_path: Path) -> None:
    """The same one each time, however it is written."""
    databases = Databases()
    try:
        one, two = databases.address(tmp_path / "one"), databases.address(tmp_path / "two")
        assert databases.address(tmp_path / "two" / ".." / "one") == one
        assert two == one._replace(database=one.database + 1)
    finally:
        databases.close()


def test_servers_keep_their_logs_where_the_run_says(tmp_path: Path) -> None:
    """Each of the two ways in which a test starts one."""
    with running_server(tmp_path / "one") as server:
        assert server.settings.log == log_of(tmp_path / "one")
    with ServerProcess.serve(tmp_path / "two"):
        pass
    for name in ("one", "two"):
        assert (tmp_path / name / "history.db").exists() == (log_of(tmp_path / name) is None)


@pytest.mark.long
@needs_redis
def test_a_run_can_be_on_redis() -> None:
    """The same test passes there, in which a folder has no history."""
    name = test_servers_keep_their_logs_where_the_run_says.__name__
    command = [sys.executable, "-m", "pytest", "-q", "-m", "", "--log", "redis"]
    done = subprocess.run(
        [*command, f"{__file__}::{name}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_a_command_line_that_says_where_the_logs_are_is_left_alone() -> None:
    assert options_of(["--data", "somewhere", "--log", "sqlite"]) == []
    assert options_of(["--data", "somewhere", "--print-config"]) == []
    assert options_of(["--port", "0"]) == []
