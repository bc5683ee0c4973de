"""Files that nobody but their owner can read, not even for a moment (mode 0600)."""

import os
import stat
from contextlib import suppress
from pathlib import Path


def private(path: str, flags: int) -> int:
    """Open a file so that only its owner can read it: `open(path, "ab", opener=private)`.

    A file that is there already and that others can read is made private, if it is ours.

    Args:
        path: the file.
        flags: as for `os.open`.

    Returns:
        The descriptor.

    Raises:
        OSError: the file cannot be opened.
    """
    descriptor = os.open(path, flags, 0o600)
    if os.name == "posix" and stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
        with suppress(OSError):  # somebody else's file: they may have reasons
            os.fchmod(descriptor, 0o600)
    return descriptor


def write_private(path: Path, data: bytes) -> None:
    """Put a private file in the place of `path` in one step: a crash leaves the old or the new one.

    The caller sees to it that nobody else writes the same file at the same time. The file is
    written as `path` with `.new` behind its name.

    Raises:
        OSError: the file cannot be written; `path` is as it was.
    """
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)  # from a process that was killed, or a link of somebody's
    with open(unfinished, "xb", opener=private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
