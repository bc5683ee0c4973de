"""Files and folders that are there whole or not at all, and private."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_server.runtime.errors import AdminError
from protocol.common.private_files import private


def refuse_to_overwrite(path: Path, force: bool) -> None:
    """See that `path` may be made.

    Raises:
        AdminError: it is there and not to be replaced, or the folder that it is to be in is not.
    """
    if not path.absolute().parent.is_dir():
        raise AdminError(f"{path} cannot be made: there is no folder {path.absolute().parent}.")
    if os.path.lexists(path) and not force:
        raise AdminError(
            f"{path} is there already: choose another name, or replace it with --force."
        )


@contextmanager
def whole_file(path: Path, force: bool) -> Iterator[Path]:
    """Give the path of a file to write, mode 0600, which becomes `path` when the block ends well.

    Raises:
        AdminError: it cannot be made, or `path` is there already and not to be replaced.
    """
    refuse_to_overwrite(path, force)
    if os.path.lexists(path) and not path.is_file():  # such as /dev/null, which root could replace
        raise AdminError(f"{path} is no file: it is not replaced.")
    with _translated(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    os.close(handle)
    part = Path(name)
    try:
        with _translated(path):
            yield part
            sync(part)
            if not force:
                # Takes the name, if it is still free.
                os.close(private(str(path), os.O_CREAT | os.O_EXCL))
            part.replace(path)
            _sync_folder(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, force: bool, replaceable: Callable[[Path], bool]) -> Iterator[Path]:
    """Give a folder to fill, mode 0700, which becomes `path` when the block ends well.

    Args:
        path: where it is to be.
        force: replace what is there.
        replaceable: whether what is there may be replaced.

    Raises:
        AdminError: it cannot be made, or `path` is there already and not to be replaced.
    """
    refuse_to_overwrite(path, force)
    if os.path.lexists(path) and not replaceable(path):
        raise AdminError(f"{path} is nothing that this command made: it is not replaced.")
    with _translated(path):
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent))
    try:
        with _translated(path):
            yield part
            if os.path.lexists(path):
                _swap(part, path)
            else:
                part.rename(path)
            _sync_folder(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until the disk has a file."""
    with open(path, "r+b") as file:  # Windows syncs only what can be written
        os.fsync(file.fileno())


def _swap(part: Path, path: Path) -> None:
    """Put `part` in the place of `path`, and delete what was there."""
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent))
    path.rename(old / "old")
    try:
        part.rename(path)
    except OSError:
        (old / "old").rename(path)
        raise
    finally:
        shutil.rmtree(old)


def _sync_folder(path: Path) -> None:
    """Wait until the disk has the name, where folders can be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(path.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise AdminError(f"{path} is there already: choose another name.") from error
    except OSError as error:
        raise AdminError(f"{path} cannot be written: {error.strerror or error}.") from error
