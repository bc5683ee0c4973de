"""The files that people offer in rooms: a folder of their own, where no name is anybody's choice.

Each file has a record beside it, in JSON, and is called by a random number: `N.json`, `N.part`
while it arrives, `N` when it is whole. What somebody called it stands in the record alone.

A place is given for a file (`offer`), it arrives in pieces (`write`), and is kept from when it
is offered in its room (`note_said`) until its message is deleted (`tidy`). What does not get so far
in an hour is removed.
"""

import hashlib
import logging
import secrets
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import LiveSettings
from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.offered.images import image_of
from protocol.common.private_files import private, write_private
from protocol.errors import Code, ProtocolError
from protocol.file_names import safe_file_name, shown_size
from protocol.messages import ImageInfo

log = logging.getLogger(__name__)

FOLDER = "files"

UNFINISHED_LIMIT = 4
"""How many files of one person may be on the way at a time."""

FILES_LIMIT = 10_000
"""How many files there may be."""

EXPIRY = 3600.0
"""Seconds for which a file is kept that is not offered in its room, from its last piece on."""

RETRY_AFTER = 60.0

_MB = 1_000_000
Fault = Literal["unknown", "busy", "elsewhere", "full", "wrong", "offered"]


class FileRecord(msgspec.Struct, frozen=True):
    """What is kept of a file.

    Attributes:
        id: its number: 32 hex digits, at random. Who knows it may fetch the file.
        room: where it is offered.
        name: as `safe_file_name` returned it.
        size: bytes.
        sha256: of its content, in hex; empty if nobody has said and it has not arrived.
        owner: who offers it: see PersonKey in rooms/policy.py.
        secret: the SHA-256, in hex, of what lets it be uploaded.
        active: when something of it last arrived, in Unix seconds.
        whole: whether it is there.
        session: the number of the session that offered it in its room; None if none did.
        request: the id of that request.
        image: what image it is, if it is one that may be shown.
    """

    id: str
    room: str
    name: str
    size: int
    sha256: str
    owner: str
    secret: str
    active: float
    whole: bool = False
    session: int | None = None
    request: int = 0
    image: ImageInfo | None = None

    @property
    def path(self) -> str:
        """The path by which it is fetched, but for the name, which is for people."""
        return f"/files/{self.id}"


class UploadRefusedError(Exception):
    """A piece of a file was not taken.

    Attributes:
        fault: why.
        have: how many bytes of the file are there.
    """

    def __init__(self, fault: Fault, have: int = 0) -> None:
        super().__init__(fault)
        self.fault: Fault = fault
        self.have = have


class SharedFiles:
    """All files. Any thread may call any method."""

    def __init__(self, data: Path, settings: LiveSettings, clock: Clock) -> None:
        """Read what earlier runs left, and remove what is half.

        Raises:
            StartError: the folder cannot be made or read.
        """
        self._folder = data / FOLDER
        self._settings = settings
        self._clock = clock
        # Guards all below. A leaf: no file is touched under it.
        self._lock = threading.Lock()
        self._files: dict[str, FileRecord] = {}
        self._arriving: set[str] = set()  # a piece of these is being written
        self._seqs: dict[str, int] = {}  # where they are offered, as far as that was looked up
        self._stale: set[str] = set()  # rooms in which messages may have been deleted
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._read()
        except OSError as error:
            raise StartError(
                f"the folder {self._folder} cannot be used: {error.strerror}. Change its "
                "permissions, or choose another data folder with --data."
            ) from error

    def find(self, number: str) -> FileRecord | None:
        """Return what is kept of a file; None if there is none of that number."""
        with self._lock:
            return self._files.get(number)

    def open(self, number: str) -> tuple[FileRecord, BinaryIO] | None:
        """Open a file that is offered in its room; None if there is none of that number."""
        record = self.find(number)
        if record is None or record.session is None:
            return None
        try:
            return record, (self._folder / record.id).open("rb")
        except FileNotFoundError:  # it was removed at this moment
            return None

    # -- offering

    def offer(
        self, owner: str, room: str, name: str, size: int, sha256: str
    ) -> tuple[FileRecord, str, int]:
        """Give a place to a file; the same place where its upload was broken off.

        Args:
            owner: who offers it.
            room: where.
            name: what it is called.
            size: bytes.
            sha256: of its content, in hex; empty if that is not known.

        Returns: the record, the secret that lets the file be uploaded, and the bytes of it that are
            there.

        Raises:
            ProtocolError: `forbidden`: no such file may be offered; `unavailable`: no space.
            StoreError: the folder cannot be written.
        """
        name = safe_file_name(name)
        free = self._free()
        secret = secrets.token_hex(32)
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        now = self._clock.time()
        with self._lock:
            before = next(
                (
                    each
                    for each in self._files.values()
                    if each.session is None
                    and (each.owner, each.room, each.name, each.size) == (owner, room, name, size)
                    and (each.sha256 == sha256 or (each.whole and not sha256))
                ),
                None,
            )
            if before is None:
                self._check(owner, name, size, free)
                record = FileRecord(
                    secrets.token_hex(16), room, name, size, sha256, owner, hashed, now
                )
            else:
                record = msgspec.structs.replace(before, secret=hashed, active=now)
            self._files[record.id] = record
        try:
            self._write(record)
        except StoreError:
            if before is None:
                self._forget(record)
            raise
        return record, secret, self._have(record)

    def note_said(self, record: FileRecord, session: int, request: int) -> None:
        """Keep which request offers a file in its room.

        Raises:
            StoreError: the folder cannot be written.
        """
        with self._lock:
            if record.id not in self._files:
                return
            record = msgspec.structs.replace(record, session=session, request=request)
            self._files[record.id] = record
            self._seqs.pop(record.id, None)
        self._write(record)

    # -- uploading

    def begin(self, number: str, secret: str, start: int, length: int) -> None:
        """See that the next piece of a file may come.

        Args:
            number: the file's.
            secret: as `offer` returned it.
            start: where the piece begins: at the end of what is there.
            length: bytes of the piece.

        Raises:
            UploadRefusedError: it is not taken.
            StoreError: the folder cannot be read.
        """
        record = self._record_for(number, secret)
        have = self._check_place(record, start, length)
        if self._free() - length < self._settings.now.file_reserve * _MB:
            raise UploadRefusedError("full", have)

    def write(self, number: str, secret: str, start: int, data: bytes) -> FileRecord:
        """Append to what is there of a file. Two who do so at once do not mix.

        Args:
            number: the file's.
            secret: as `offer` returned it.
            start: where the data belongs.
            data: what follows.

        Returns: the record, which is `whole` if nothing is missing any more.

        Raises:
            UploadRefusedError: it is not taken; or all is there and is not what was announced.
            StoreError: it could not be written.
        """
        record = self._record_for(number, secret)
        with self._lock:
            if number in self._arriving:
                raise UploadRefusedError("busy")
            self._arriving.add(number)
        try:
            have = self._check_place(record, start, len(data))
            with open(self._partial(record), "ab", opener=private) as file:
                file.write(data)
            if have + len(data) == record.size:
                return self._complete(record)
            return self._replace(record, active=self._clock.time())
        except OSError as error:
            raise StoreError(f"{error.strerror}: {self._folder}") from error
        finally:
            with self._lock:
                self._arriving.discard(number)

    def withdraw(self, number: str, secret: str) -> None:
        """Remove a file that is not offered in its room: whoever was sending it has cancelled.

        Args:
            number: the file's.
            secret: as `offer` returned it.

        Raises:
            UploadRefusedError: there is none; a piece of it is being written; or it is offered.
        """
        record = self._record_for(number, secret)
        if record.session is not None:
            raise UploadRefusedError("offered")
        with self._lock:
            if number in self._arriving:
                raise UploadRefusedError("busy")
            self._arriving.add(number)
        try:
            self._remove(record)
        finally:
            with self._lock:
                self._arriving.discard(number)

    def _check_place(self, record: FileRecord, start: int, length: int) -> int:
        """See that a piece begins where the file ends, and return where that is."""
        have = self._have(record)
        if start != have or start + length > record.size or record.whole:
            raise UploadRefusedError("elsewhere", have)
        return have

    def _record_for(self, number: str, secret: str) -> FileRecord:
        record = self.find(number)
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        if record is None or not secrets.compare_digest(record.secret, hashed):
            raise UploadRefusedError("unknown")
        return record

    def _complete(self, record: FileRecord) -> FileRecord:
        """Check a file of which all is there, and give it its name."""
        with self._partial(record).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            image = image_of(file, record.size)
        if record.sha256 and sha256 != record.sha256:
            self._remove(record)
            raise UploadRefusedError("wrong")
        found: dict[str, Any] = {"whole": True, "sha256": sha256, "image": image}
        found["active"] = self._clock.time()
        # First: a server that dies in between renames the file at its next start.
        self._write(msgspec.structs.replace(record, **found))
        self._partial(record).replace(self._folder / record.id)
        return self._replace(record, **found)

    def _replace(self, record: FileRecord, **members: Any) -> FileRecord:
        with self._lock:
            found = self._files.get(record.id)
            if found is None:  # its room was removed meanwhile
                raise UploadRefusedError("unknown")
            new = msgspec.structs.replace(found, **members)
            self._files[record.id] = new
            return new

    # -- removing

    def note_change(self, room: str) -> bool:
        """Note that a message was edited or deleted. Return whether `tidy` has something to do."""
        with self._lock:
            concerned = any(each.room == room for each in self._files.values())
            if concerned:
                self._stale.add(room)
            return concerned

    def tidy(
        self,
        find_request: Callable[[str, int, int], int | None],
        oldest: Callable[[str], int | None],
        is_deleted: Callable[[str, int], bool],
    ) -> None:
        """Remove the files whose messages are deleted, and what was never offered.

        Args:
            find_request: returns where in its room a session's request stands, by the room, the
                session's number and the request's id; 0 if that is deleted, None if nowhere.
            oldest: returns the oldest message of a room that is kept; None if none was deleted.
            is_deleted: returns whether a message of a room was deleted, by its seq.

        Raises:
            StoreError: the log cannot be asked.
        """
        with self._lock:
            records, arriving = list(self._files.values()), set(self._arriving)
            stale, self._stale = self._stale, set()
        expired = self._clock.time() - EXPIRY
        for record in records:
            seq = self._seq(record, find_request)
            if seq is not None:
                kept_from = oldest(record.room)
                gone = kept_from is not None and seq < kept_from
                gone = gone or (record.room in stale and is_deleted(record.room, seq))
            else:
                gone = record.active < expired and record.id not in arriving
            if gone:
                self._remove(record)

    def forget_room(self, room: str) -> None:
        """Remove the files of a room that is removed."""
        with self._lock:
            records = [each for each in self._files.values() if each.room == room]
        for record in records:
            self._remove(record)

    # -- below

    def _check(self, owner: str, name: str, size: int, free: int) -> None:
        """With the lock held: see that a file may be offered."""
        assert self._lock.locked()
        settings = self._settings.now
        if not (settings.files and settings.web):
            raise ProtocolError(Code.FORBIDDEN, "this server takes no files")
        if size > settings.file_size * _MB:
            raise ProtocolError(
                Code.FORBIDDEN,
                f"a file has at most {settings.file_size} MB here, this one {shown_size(size)}",
            )
        kinds = settings.file_kinds
        if kinds and name.rpartition(".")[2].lower() not in kinds:
            raise ProtocolError(
                Code.FORBIDDEN, f"only files whose names end in {', '.join(kinds)} are taken here"
            )
        own = [each for each in self._files.values() if each.owner == owner]
        if sum(each.session is None for each in own) >= UNFINISHED_LIMIT:
            raise ProtocolError(
                Code.FORBIDDEN,
                f"{UNFINISHED_LIMIT} of your files are on the way: finish those first",
            )
        total = settings.files_total * _MB
        if sum(each.size for each in own) + size > max(total // 4, settings.file_size * _MB):
            raise ProtocolError(
                Code.FORBIDDEN, f"your files would take more than {shown_size(total // 4)}"
            )
        taken = sum(each.size for each in self._files.values())
        if taken + size > total or len(self._files) >= FILES_LIMIT:
            raise ProtocolError(
                Code.UNAVAILABLE, "there is no space for more files", retry_after=RETRY_AFTER
            )
        if free - size < settings.file_reserve * _MB:
            raise ProtocolError(
                Code.UNAVAILABLE, "the server's disk is nearly full", retry_after=RETRY_AFTER
            )

    def _free(self) -> int:
        try:
            return shutil.disk_usage(self._folder).free
        except OSError as error:
            raise StoreError(f"{error.strerror}: {self._folder}") from error

    def _seq(
        self, record: FileRecord, find_request: Callable[[str, int, int], int | None]
    ) -> int | None:
        """Where a file is offered; None if nowhere, or if that is not stored yet."""
        if record.session is None:
            return None
        with self._lock:
            known = self._seqs.get(record.id)
        if known is not None:
            return known
        seq = find_request(record.room, record.session, record.request)
        if seq is not None:
            with self._lock:
                self._seqs[record.id] = seq
        return seq

    def _partial(self, record: FileRecord) -> Path:
        return self._folder / f"{record.id}.part"

    def _have(self, record: FileRecord) -> int:
        """How many bytes of a file are there."""
        if record.whole:
            return record.size
        try:
            return self._partial(record).stat().st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StoreError(f"{error.strerror}: {self._folder}") from error

    def _write(self, record: FileRecord) -> None:
        path = self._folder / f"{record.id}.json"
        try:
            write_private(path, msgspec.json.encode(record))
        except OSError as error:
            raise StoreError(f"{error.strerror}: {path}") from error

    def _forget(self, record: FileRecord) -> None:
        with self._lock:
            self._files.pop(record.id, None)
            self._seqs.pop(record.id, None)

    def _remove(self, record: FileRecord) -> None:
        """Delete the record last: what is half deleted is deleted by the next `tidy`."""
        try:
            for name in (
                record.id,
                f"{record.id}.part",
                f"{record.id}.json.new",
                f"{record.id}.json",
            ):
                (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            log.error("a file was not removed: %s", error)
            return
        self._forget(record)

    def _read(self) -> None:
        for path in self._folder.glob("*.json"):
            try:
                record = msgspec.json.decode(path.read_bytes(), type=FileRecord)
            except msgspec.MsgspecError as error:
                log.error("%s is damaged, and its file is removed: %s", path, error)
                path.unlink()
                continue
            if record.whole and self._partial(record).exists():
                self._partial(record).replace(self._folder / record.id)
            self._files[record.id] = record
            self._stale.add(record.room)
        for path in self._folder.iterdir():
            if path.name.partition(".")[0] not in self._files:
                path.unlink()
