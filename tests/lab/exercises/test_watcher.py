"""The watcher, on real files."""

import os
import threading
from pathlib import Path

import pytest

from lab.exercises.watcher import Watcher, source_times
from tests.support.waiting import eventually


class Runs:
    """Counts runs, and lets one go on only when it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.may_end = threading.Semaphore(0)

    def run(self) -> None:
        self.count += 1
        self.may_end.acquire()


def test_a_saved_file_starts_a_run(tmp_path: Path) -> None:
    """Also one that is saved during a run; and a log of the server does not."""
    server = tmp_path / "server.py"
    server.write_text("1")
    runs = Runs()
    watcher = Watcher(tmp_path, runs.run)
    thread = threading.Thread(target=watcher.watch, name="watcher")
    thread.start()
    eventually(lambda: runs.count == 1)
    (tmp_path / "server.log").write_text("a client came")
    server.write_text("2")
    os.utime(server, ns=(1, 1))
    runs.may_end.release()
    eventually(lambda: runs.count == 2)
    (tmp_path / "other.java").write_text("")
    runs.may_end.release()
    eventually(lambda: runs.count == 3)
    watcher.stop()
    runs.may_end.release()
    thread.join(20)
    assert not thread.is_alive()
    assert runs.count == 3


@pytest.mark.parametrize(
    ("name", "watched"),
    [
        ("server.py", True),
        ("src/Server.java", True),
        ("exercise.toml", True),
        ("server.log", False),
        ("Server.class", False),
        (".server.py", False),
        (".git/hook.py", False),
        ("__pycache__/server.py", False),
        ("target/debug/build.rs", False),
    ],
)
def test_only_sources_are_watched(tmp_path: Path, name: str, watched: bool) -> None:
    """What an editor or a compiler writes is none."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert [each for each, _ in source_times(tmp_path)] == [path] * watched


def test_a_file_that_has_gone(tmp_path: Path) -> None:
    """An editor replaces a file by a link that leads nowhere for a moment."""
    (tmp_path / "server.py").symlink_to(tmp_path / "nowhere")
    assert list(source_times(tmp_path)) == []
