"""Run something whenever a source file in a folder was saved."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

INTERVAL = 0.3
"""Seconds between two looks at the files."""

# What a server writes while it is checked (logs, data, compiled files) must not start a check.
_SOURCES = tuple(
    f".{each}"
    for each in (
        *("c", "cc", "cpp", "cs", "go", "h", "hpp", "hs", "java", "js", "kt", "lua", "mjs", "ml"),
        *("php", "pl", "py", "rb", "rs", "scala", "sh", "swift", "toml", "ts"),
    )
)
_NOT_SOURCES = frozenset({"__pycache__", "node_modules", "target", "build"})


class Watcher:
    """Looks at a folder's source files from time to time. One thread runs it, any may stop it."""

    def __init__(self, folder: Path, run: Callable[[], None]) -> None:
        """Watch a folder.

        Args:
            folder: the folder, with those in it.
            run: called at the start, and after each change.
        """
        self._folder = folder
        self._run = run
        self._stopped = threading.Event()

    def watch(self) -> None:
        """Run and look until `stop` is called."""
        seen: dict[Path, int] | None = None
        while not self._stopped.is_set():
            # Looked at before the run: what is saved during it starts the next one.
            now = dict(source_times(self._folder))
            if now != seen:
                seen = now
                self._run()
            self._stopped.wait(INTERVAL)

    def stop(self) -> None:
        """End `watch`, after the run that is under way."""
        self._stopped.set()


def source_times(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the source files in a folder, and when each was written, in nanoseconds."""
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each[0] != "." and each not in _NOT_SOURCES]
        for name in names:
            path = Path(place, name)
            if name.endswith(_SOURCES) and name[0] != ".":
                try:
                    yield path, path.stat().st_mtime_ns
                except OSError:
                    continue  # an editor has just replaced it
