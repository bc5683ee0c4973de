"""The user's own files: what was typed, who is hidden, what went wrong. Nobody else reads them.

All of it is a convenience: where the files cannot be written, the program does without.
"""

import contextlib
import json
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from platformdirs import user_state_path

from chat_client.system import open_private

_KEPT = 1000
"""Lines of what was typed."""


def folder() -> Path:
    """Return where the files are. It need not be there yet."""
    return user_state_path("backchannel", appauthor=False)


def read_typed() -> list[str]:
    """Return what was typed in earlier runs, oldest first."""
    path = folder() / "typed"
    entries = [entry for line in _lines_of(path) if (entry := _entry(line)) is not None]
    if len(entries) > 2 * _KEPT:
        entries = entries[-_KEPT:]
        _write(path, "".join(f"{json.dumps(entry)}\n" for entry in entries))
    return entries


def add_typed(text: str) -> None:
    """Keep a line for later runs."""
    _write(folder() / "typed", f"{json.dumps(text)}\n", append=True)


def read_ignored() -> set[str]:
    """Return who is hidden."""
    return set(_lines_of(folder() / "ignored"))


def write_ignored(nicks: Iterable[str]) -> None:
    """Keep who is hidden."""
    _write(folder() / "ignored", "".join(f"{nick}\n" for nick in sorted(nicks)))


def write_crash(
    kind: type[BaseException], error: BaseException | None, where: TracebackType | None
) -> Path:
    """Keep what the program failed of, and return the file."""
    path = folder() / "crash.log"
    text = "".join(traceback.format_exception(kind, error, where))
    _write(path, f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{text}\n", append=True)
    return path


def _lines_of(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def _entry(line: str) -> str | None:
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, str):
            return entry
    return None  # somebody else wrote it


def _write(path: Path, text: str, *, append: bool = False) -> None:
    with contextlib.suppress(OSError), open_private(path, append=append) as opened:
        opened.write(text.encode("utf-8", "replace"))
