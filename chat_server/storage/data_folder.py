"""The data folder: made private, and held by one server at a time."""

import errno
import logging
import os
import stat
import sys
from pathlib import Path
from typing import IO

from chat_server.runtime.errors import StartError
from protocol.common.private_files import private

log = logging.getLogger(__name__)

_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
"""What a lock that somebody else has is refused with, on one system or another."""

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class DataFolder:
    """A folder that belongs to this process until `close`."""

    def __init__(self, path: Path) -> None:
        """Make the folder if need be, and take it.

        Raises:
            StartError: it cannot be made, read or written, or another server has it.
        """
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = open(path / "lock", "ab", opener=private)  # noqa: SIM115
        except OSError as error:
            raise StartError(
                f"the data folder {path} cannot be used: {error.strerror}. Choose another with "
                "--data, or change its permissions."
            ) from error
        try:
            _lock(self._file)
        except OSError as error:
            self._file.close()
            raise StartError(_cannot_lock(path, error)) from error

        _warn_if_open(path)

    def close(self) -> None:
        """Let another server have the folder."""
        self._file.close()


def check_folder(path: Path) -> None:
    """See whether a data folder could be used or made, without making it.

    Raises:
        StartError: it could not.
    """
    made = next(
        each for each in (path.absolute(), *path.absolute().parents) if os.path.exists(each)
    )
    if not made.is_dir():
        raise StartError(f"the data folder {path} cannot be used: {made} is no folder.")
    if not os.access(made, os.W_OK | os.X_OK):
        raise StartError(
            f"the data folder {path} cannot be used: {made} cannot be written. Choose another "
            "with --data, or change its permissions."
        )


def _cannot_lock(path: Path, error: OSError) -> str:
    if error.errno in _TAKEN:
        return (
            f"the data folder {path} is in use by another server. Stop that one, or choose "
            "another folder with --data."
        )
    return (
        f"the data folder {path} cannot be locked: {error.strerror or error}. Its file system may "
        "have no locks, as some on a network do: choose a folder on a local disk with --data."
    )


def _warn_if_open(path: Path) -> None:
    """Say so if others on this machine could put their own files in the place of ours."""
    if os.name == "posix" and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        log.warning("others can change what is in the data folder: chmod go-w %s", path)
