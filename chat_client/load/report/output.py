"""Where a run's results go: the standard output, and files that are replaced in one step.

A report is the result of minutes. So a file keeps what it had until there is something new, and
what becomes of the standard output does not decide whether the files are written.
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


class Output:
    """The standard output, until nobody reads it any more.

    Attributes:
        failure: why it could not be written, "" if it could; a reader that has seen enough
            (`| head`) is no failure.
    """

    def __init__(self, reader_gone: Callable[[], None] | None = None) -> None:
        """
        Args:
            reader_gone: called once, when the reader has closed its end.
        """
        self.failure = ""
        self._reader_gone = reader_gone
        self._open = sys.stdout is not None  # `>&-` leaves none

    def say(self, text: str, end: str = "\n") -> None:
        """Write a text at once, unless nothing can be written any more."""
        if not self._open:
            return
        try:
            print(text, end=end, flush=True)
        except OSError as error:
            self._close(error)

    def _close(self, error: OSError) -> None:
        self._open = False
        # What is left in the buffer would fail once more when the interpreter ends.
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
    """See before a run that its reports can be written after it. Changes no file.

    Raises:
        UsageError: one cannot be.
    """
    for path in paths:
        if path is None:
            continue
        try:
            _check(Path(path))
        except OSError as error:
            raise UsageError(_refusal(path, error)) from None


def write_file(path: str, data: bytes) -> None:
    """Write a report beside its place, and then put it there in one step.

    What is no regular file (a pipe, a device) is written as it is.

    Raises:
        LoadError: it could not be written; a file that was there is as it was.
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
    """A new, empty file in the same folder, open to be written."""
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
    """The permissions of the file that is replaced, or those of a new one."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _refusal(path: str, error: OSError) -> str:
    return f"cannot write {one_line(path)!r}: {error.strerror}"
