"""`admin backup`: a consistent copy of what is kept, while the server runs or not.

Every database is read in one snapshot, which a database in WAL mode gives without holding up who
writes; all snapshots are taken before the first page is copied. So everything is in it that was
confirmed before the command began. It is done by the command's own process, at the lowest
priority: the server has no part in it, and writes nowhere but in its folder.
"""

import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from chat_server.admin.archive import opened
from chat_server.admin.files import sync, whole_file, whole_folder
from chat_server.identity.store import people_store as people
from chat_server.network.tls import CERTIFICATE_FILE, KEY_FILE
from chat_server.rooms import attendance
from chat_server.runtime.errors import AdminError
from chat_server.storage.migrations import Format
from chat_server.storage.sqlite import log_file as history
from chat_server.storage.sqlite.incarnations import mark_copy
from protocol.common.private_files import private, write_private

PAGES = 256
"""Pages that are copied at a time; between two, others may use the disk."""

FILES = (KEY_FILE, CERTIFICATE_FILE)
"""Not databases, and not there everywhere: without them clients would be shown another key."""

ARCHIVES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz"}

DATABASES = {
    history.FILE: history.FORMAT,
    people.FILE: people.FORMAT,
    attendance.FILE: attendance.FORMAT,
}
"""What is copied. All but the first may be missing."""


def back_up(data: Path, target: Path, force: bool) -> dict[str, int]:
    """Copy what is kept in `data` to `target`. Return the files and their sizes in bytes.

    Args:
        data: the data folder.
        target: a folder to be made, which a server can be started with; or, with a name that ends
            in .tar, .tar.gz or .tgz, a file with the same inside.
        force: replace an earlier copy.

    Raises:
        AdminError: it could not be done; `target` is as it was.
    """
    if _is_within(data, target) or _is_within(target, data):
        raise AdminError(f"{target} and the data folder {data} are one inside the other.")
    mode = next((mode for suffix, mode in ARCHIVES.items() if target.name.endswith(suffix)), None)
    if mode is None:
        with whole_folder(target, force, _is_copy) as folder:
            return _copy_all(data, folder)
    with whole_file(target, force) as file, _private_folder(target) as folder:
        sizes = _copy_all(data, folder)
        # gzip's level 6: level 9, the default here, takes three times as long for 1 % less.
        level = {"compresslevel": 6} if mode == "w:gz" else {}
        with tarfile.open(file, mode, **level) as archive:  # type: ignore[call-overload]
            for name in sizes:
                archive.add(folder / name, f"{_stem(target)}/{name}", filter=_anonymous)
    return sizes


def _copy_all(data: Path, folder: Path) -> dict[str, int]:
    with ExitStack() as stack:
        sources = {
            name: stack.enter_context(_snapshot(data / name, form))
            for name, form in DATABASES.items()
            if name == history.FILE or (data / name).exists()
        }
        for name, source in sources.items():
            _copy(source, folder / name)
    for name in FILES:
        if (data / name).is_file():
            _copy_file(data / name, folder / name)
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


@contextmanager
def _snapshot(path: Path, form: Format) -> Iterator[sqlite3.Connection]:
    with opened(path, form) as source:
        # The transaction holds the snapshot over all steps of the copy, which would otherwise
        # begin again whenever the server writes.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield source


def _copy(source: sqlite3.Connection, path: Path) -> None:
    open(path, "xb", opener=private).close()
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as target:
            # Nothing has to survive a crash before all is there.
            target.execute("PRAGMA journal_mode = OFF")
            target.execute("PRAGMA synchronous = OFF")
            source.backup(target, pages=PAGES)
            if path.name == history.FILE:
                mark_copy(target)
        _check(path)
    except sqlite3.Error as error:
        raise AdminError(f"{path.name} could not be copied: {error}.") from error
    sync(path)


def _copy_file(source: Path, path: Path) -> None:
    write_private(path, source.read_bytes())


def _check(path: Path) -> None:
    """See that a copy is whole."""
    # `immutable`: it is nobody else's yet, and no files are to appear beside it.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as copy:
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise AdminError(f"the copy of {path.name} is damaged, as the original must be: {verdict}.")


@contextmanager
def _private_folder(target: Path) -> Iterator[Path]:
    """A folder beside `target`, where there is space for it, that goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix=".backup.", dir=target.absolute().parent) as name:
        yield Path(name)


def _is_copy(path: Path) -> bool:
    """Whether a folder holds a copy and nothing that this command did not put there."""
    databases = {f"{name}{suffix}" for name in DATABASES for suffix in ("", "-wal", "-shm")}
    return path.is_dir() and {entry.name for entry in path.iterdir()} <= databases | {*FILES}


def _is_within(outer: Path, inner: Path) -> bool:
    return inner.resolve().is_relative_to(outer.resolve())


def _stem(target: Path) -> str:
    """What the folder in an archive is called."""
    suffix = next(suffix for suffix in ARCHIVES if target.name.endswith(suffix))
    return target.name.removesuffix(suffix) or "backup"


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """A file that belongs to whoever unpacks it, and to nobody else."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info
