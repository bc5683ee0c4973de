"""Files on the disk: their bounds, what a crash leaves, and when they go."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat_server.runtime.config.settings import LiveSettings, Settings
from chat_server.runtime.errors import StartError
from chat_server.storage.offered.shared_files import (
    EXPIRY,
    FOLDER,
    UNFINISHED_LIMIT,
    FileRecord,
    SharedFiles,
    UploadRefusedError,
)
from protocol.errors import ProtocolError
from tests.support.clock import ManualClock

DATA = b"0123456789"
SHA256 = hashlib.sha256(DATA).hexdigest()


def _files(folder: Path, clock: ManualClock | None = None, **settings: Any) -> SharedFiles:
    now = Settings(**{"file_reserve": 1, **settings})
    return SharedFiles(folder, LiveSettings(now), clock or ManualClock())


def _arrived(files: SharedFiles, owner: str = "ana", name: str = "a.txt") -> FileRecord:
    record, secret, _ = files.offer(owner, "lobby", name, len(DATA), SHA256)
    return files.write(record.id, secret, 0, DATA)


def _no_request(_room: str, _session: int, _request: int) -> None:
    return None


def _nothing_gone(_room: str) -> None:
    return None


def _none_deleted(_room: str, _seq: int) -> bool:
    return False


def _names(folder: Path) -> set[str]:
    return {path.name for path in (folder / FOLDER).iterdir()}


def test_a_file_arrives_in_pieces_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    """At the byte where it was broken off, with a new secret."""
    files = _files(tmp_path)
    first, secret, have = files.offer("ana", "lobby", "../a.txt", len(DATA), SHA256)
    assert (first.name, have) == ("a.txt", 0)
    assert not files.write(first.id, secret, 0, DATA[:4]).whole
    again = _files(tmp_path)
    record, other, have = again.offer("ana", "lobby", "a.txt", len(DATA), SHA256)
    assert (record.id, have) == (first.id, 4)
    with pytest.raises(UploadRefusedError) as refused:
        again.write(record.id, secret, 4, DATA[4:])
    assert refused.value.fault == "unknown"
    whole = again.write(record.id, other, 4, DATA[4:])
    assert (whole.whole, whole.sha256) == (True, SHA256)
    assert _names(tmp_path) == {record.id, f"{record.id}.json"}


@pytest.mark.parametrize(
    ("start", "data"), [(0, b"x"), (5, b"x"), (4, b"x" * 7)], ids=["again", "gap", "too-much"]
)
def test_a_piece_begins_where_the_file_ends(tmp_path: Path, start: int, data: bytes) -> None:
    """It is told how much is there."""
    files = _files(tmp_path)
    record, secret, _ = files.offer("ana", "lobby", "a", len(DATA), "")
    files.write(record.id, secret, 0, DATA[:4])
    for refuse in (
        lambda: files.begin(record.id, secret, start, len(data)),
        lambda: files.write(record.id, secret, start, data),
    ):
        with pytest.raises(UploadRefusedError) as refused:
            refuse()
        assert (refused.value.fault, refused.value.have) == ("elsewhere", 4)


def test_what_is_not_what_was_announced_is_removed(tmp_path: Path) -> None:
    """Nobody can offer it."""
    files = _files(tmp_path)
    record, secret, _ = files.offer("ana", "lobby", "a", len(DATA), "0" * 64)
    with pytest.raises(UploadRefusedError) as refused:
        files.write(record.id, secret, 0, DATA)
    assert refused.value.fault == "wrong"
    assert files.find(record.id) is None
    assert _names(tmp_path) == set()


def test_without_a_hash_the_server_goes_by_what_arrived(tmp_path: Path) -> None:
    """A page on plain http has none."""
    files = _files(tmp_path)
    record, secret, _ = files.offer("ana", "lobby", "a", len(DATA), "")
    assert files.write(record.id, secret, 0, DATA).sha256 == SHA256


@pytest.mark.parametrize(
    ("settings", "size", "name", "why"),
    [
        ({"files": False}, 1, "a", "takes no files"),
        ({"web": False}, 1, "a", "takes no files"),
        ({"file_size": 1}, 1_000_001, "a", "at most 1 MB"),
        ({"file_kinds": ("pdf", "txt")}, 1, "a.exe", "end in pdf, txt"),
        ({"file_kinds": ("pdf",)}, 1, "pdf.sh", "end in pdf"),
        ({"file_reserve": 10**9}, 1, "a", "nearly full"),
    ],
)
def test_what_may_not_be_offered(
    tmp_path: Path, settings: dict[str, Any], size: int, name: str, why: str
) -> None:
    """The sentence says which rule."""
    with pytest.raises(ProtocolError, match=why):
        _files(tmp_path, **settings).offer("ana", "lobby", name, size, "")


def test_nobody_takes_all_the_space(tmp_path: Path) -> None:
    """A quarter of it; and all together no more than there is."""
    files = _files(tmp_path, files_total=4, file_size=1)
    files.offer("ana", "lobby", "a", 600_000, "")
    with pytest.raises(ProtocolError, match="would take more than"):
        files.offer("ana", "lobby", "b", 600_000, "")
    for owner in "bcde":
        files.offer(owner, "lobby", "a", 800_000, "")
    with pytest.raises(ProtocolError, match="no space"):
        files.offer("f", "lobby", "a", 800_000, "")


def test_only_some_are_on_the_way(tmp_path: Path) -> None:
    """Of each person; what is offered in its room does not count."""
    files = _files(tmp_path)
    for number in range(UNFINISHED_LIMIT):
        files.offer("ana", "lobby", f"{number}", 1, "")
    with pytest.raises(ProtocolError, match="on the way"):
        files.offer("ana", "lobby", "one more", 1, "")
    files.offer("ben", "lobby", "another's", 1, "")


def test_a_disk_that_fills_up_meanwhile_takes_no_piece(tmp_path: Path) -> None:
    """What is there stays, for later."""
    settings = LiveSettings(Settings(file_reserve=1))
    files = SharedFiles(tmp_path, settings, ManualClock())
    record, secret, _ = files.offer("ana", "lobby", "a", len(DATA), "")
    settings.now = Settings(file_reserve=10**9)
    with pytest.raises(UploadRefusedError) as refused:
        files.begin(record.id, secret, 0, len(DATA))
    assert refused.value.fault == "full"


def test_what_is_withdrawn_is_gone(tmp_path: Path) -> None:
    """As if it had never been offered: others may take its place."""
    files = _files(tmp_path)
    places = [
        files.offer("ana", "lobby", f"{number}.txt", len(DATA), "")
        for number in range(UNFINISHED_LIMIT)
    ]
    with pytest.raises(ProtocolError):
        files.offer("ana", "lobby", "more.txt", len(DATA), "")
    for record, secret, _ in places:
        files.write(record.id, secret, 0, DATA[:4])
        with pytest.raises(UploadRefusedError):
            files.withdraw(record.id, "0" * 64)
        files.withdraw(record.id, secret)
    assert _names(tmp_path) == set()
    record, _, _ = files.offer("ana", "lobby", "more.txt", len(DATA), "")
    assert files.find(record.id)


def test_half_a_file_expires(tmp_path: Path) -> None:
    """An hour after its last piece; so does a whole one that nobody offered."""
    clock = ManualClock()
    files = _files(tmp_path, clock)
    half, secret, _ = files.offer("ana", "lobby", "half", len(DATA), "")
    whole = _arrived(files)
    clock.advance(EXPIRY - 1)
    files.write(half.id, secret, 0, DATA[:1])
    files.tidy(_no_request, _nothing_gone, _none_deleted)
    assert files.find(whole.id)
    clock.advance(2)
    files.tidy(_no_request, _nothing_gone, _none_deleted)
    assert (files.find(whole.id), files.find(half.id) is None) == (None, False)
    clock.advance(EXPIRY)
    files.tidy(_no_request, _nothing_gone, _none_deleted)
    assert files.find(half.id) is None
    assert _names(tmp_path) == set()


def test_a_file_goes_with_its_message(tmp_path: Path) -> None:
    """Its place in the log is looked up once."""
    files = _files(tmp_path)
    record = _arrived(files)
    assert files.open(record.id) is None  # nobody has offered it yet
    files.note_said(record, 7, 3)
    asked: list[tuple[int, int]] = []

    def find(_room: str, session: int, request: int) -> int:
        asked.append((session, request))
        return 12

    for oldest in (None, 12, 12):
        files.tidy(find, _always(oldest), _none_deleted)
        opened = files.open(record.id)
        assert opened is not None
        with opened[1] as file:
            assert file.read() == DATA
    assert asked == [(7, 3)]
    files.tidy(find, _always(13), _none_deleted)
    assert files.open(record.id) is None
    assert _names(tmp_path) == set()


def _always(oldest: int | None) -> Callable[[str], int | None]:
    return lambda _room: oldest


def test_a_removed_room_takes_its_files_along(tmp_path: Path) -> None:
    """Others keep theirs."""
    files = _files(tmp_path)
    gone = _arrived(files)
    kept, _, _ = files.offer("ana", "ops", "b", 1, "")
    files.forget_room("lobby")
    assert files.find(gone.id) is None
    assert _names(tmp_path) == {f"{kept.id}.json"}


def test_a_crash_amid_the_last_piece_is_mended(tmp_path: Path) -> None:
    """The record says that all is there, and the file has yet to get its name."""
    files = _files(tmp_path)
    record = _arrived(files)
    folder = tmp_path / FOLDER
    (folder / record.id).rename(folder / f"{record.id}.part")
    (folder / "stray").write_bytes(b"of nobody")
    (folder / f"{'0' * 32}.json").write_bytes(b"{")
    again = _files(tmp_path)
    again.note_said(record, 1, 1)
    opened = again.open(record.id)
    assert opened is not None
    with opened[1] as file:
        assert file.read() == DATA
    assert _names(tmp_path) == {record.id, f"{record.id}.json"}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Before anybody connects."""
    (tmp_path / FOLDER).write_bytes(b"")
    with pytest.raises(StartError, match="files cannot be used"):
        _files(tmp_path)
