"""Private files: nobody else can read them, and they are there whole or not at all."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.common.private_files import private, write_private

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no modes")


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The system would let everybody read and write new files."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("how", ["wb", "ab", "xb", "a+b"])
def test_a_new_file(tmp_path: Path, how: str) -> None:
    """However it is opened."""
    with open(tmp_path / "new", how, opener=private) as file:
        file.write(b"secret")
    assert mode(tmp_path / "new") == 0o600


def test_a_file_from_before(tmp_path: Path) -> None:
    """It keeps its content and becomes private."""
    (tmp_path / "old").write_bytes(b"a")
    (tmp_path / "old").chmod(0o644)
    with open(tmp_path / "old", "ab", opener=private) as file:
        file.write(b"b")
    assert mode(tmp_path / "old") == 0o600
    assert (tmp_path / "old").read_bytes() == b"ab"


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A leftover of an earlier process does not matter, and a link is not followed."""
    path, target = tmp_path / "key", tmp_path / "target"
    path.write_bytes(b"before")
    with path.open("rb") as reader:
        (tmp_path / "key.new").symlink_to(target)
        write_private(path, b"after")
        assert reader.read() == b"before"
    assert path.read_bytes() == b"after"
    assert mode(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """Here a folder stands where the new file would be written."""
    (tmp_path / "key").write_bytes(b"before")
    (tmp_path / "key.new").mkdir()
    with pytest.raises(OSError, match=r"key\.new"):
        write_private(tmp_path / "key", b"after")
    assert (tmp_path / "key").read_bytes() == b"before"
