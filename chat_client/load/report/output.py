"""The standard output, and report files, which are replaced in one step.

A report is the result of minutes. So a file keeps its old content until the new one is complete,
and the files are written whatever happens to the standard output.
"""

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chat_client.display.text import one_line
from chat_client.load.model.load_errors import LoadError, UsageError

_READER_GONE = (errno.EPIPE, errno.EBADF)
"""Errors of a write to a pipe whose reader has closed it."""


class Output:
    """The standard output. It is silent once nobody reads it any more.

    Attributes:
        failure: why it could not be written, or "". A reader that closes it (`| head`) is not a
            failure.
    """

    def __init__(self, reader_gone: Callable[[], None] | None = None) -> None:
        """
        Args:
            reader_gone: called once, when the reader has closed the output.
        """
        self.failure = ""
        self._reader_gone = reader_gone
        self._open = sys.stdout is not None  # with `>&-` there is none

    def say(self, text: str, end: str = "\n") -> None:
        """Write a text and flush, unless the output is closed."""
        if not self._open:
            return
        try:
            print(text, end=end, flush=True)
        except OSError as error:
            self._close(error)

    def _close(self, error: OSError) -> None:
        self._open = False
        # The interpreter flushes the rest of the buffer at its end. That must not fail again.
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        if error.errno not in _READER_GONE:
            self.failure = f"cannot write to the standard output: {error.strerror}"
        elif self._reader_gone is not None:
            self._reader_gone()


def is_terminal() -> bool:
    """Return whether the standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def check_writable(*paths: str | None) -> None:
    """Check before a run that its reports can be written after it. No file is changed.

    Args:
        paths: the files, None for a report that was not asked for.

    Raises:
        UsageError: a file cannot be written, or two reports have the same file.
    """
    targets: set[str] = set()
    for path in paths:
        if path is None:
            continue
        try:
            _check(Path(path))
        except OSError as error:
            raise UsageError(_refusal(path, error)) from None
        if _is_special(Path(path)):
            continue
        target = os.path.realpath(path)
        if target in targets:
            raise UsageError(
                f"{one_line(path)!r} is given for two reports: the second one would replace the "
                "first. Name a file for each"
            )
        targets.add(target)


def write_file(path: str, data: bytes) -> None:
    """Write a report into a new file, which then replaces the old one in one step.

    A pipe or a device is written directly.

    Args:
        path: the report's file.
        data: its content.

    Raises:
        LoadError: the report could not be written. An old file is unchanged.
    """
    try:
        target = Path(path)
        if _is_special(target):
            target.write_bytes(data)
        else:
            _replace(Path(os.path.realpath(target)), data)
    except OSError as error:
        raise LoadError(_refusal(path, error)) from None


def _check(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if _is_special(path):
        return
    number, beside = _beside(Path(os.path.realpath(path)))
    os.close(number)
    beside.unlink()


def _beside(target: Path) -> tuple[int, Path]:
    """Make an empty file in the same folder. Return its descriptor and its path."""
    number, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".new"
    )
    return number, Path(name)


def _replace(target: Path, data: bytes) -> None:
    number, beside = _beside(target)
    try:
        with open(number, "wb") as file:
            file.write(data)
            os.fchmod(number, _mode_for(target))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _mode_for(target: Path) -> int:
    """The permissions of the old file, or those of any new file."""

    with suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _refusal(path: str, error: OSError) -> str:
    return f"cannot write {one_line(path)!r}: {error.strerror}"
