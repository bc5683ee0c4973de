"""Files and folders are there whole or not at all."""

import stat
from contextlib import suppress
from pathlib import Path

import pytest

from chat_server.admin.files import refuse_to_overwrite, whole_file, whole_folder
from chat_server.runtime.errors import AdminError


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_there_when_all_is_written(tmp_path: Path, force: bool) -> None:
    """For its owner alone; until then nothing has that name."""
    path = tmp_path / "copy"
    with whole_file(path, force) as part:
        part.write_text("all of it")
        assert not path.exists()
        assert mode_of(part) == 0o600
    assert path.read_text() == "all of it"
    assert mode_of(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_replaced_only_on_request(tmp_path: Path) -> None:
    """And stays as it is until the new one is whole."""
    path = tmp_path / "copy"
    path.write_text("old")
    with pytest.raises(AdminError, match="is there already"), whole_file(path, force=False):
        raise AssertionError("nothing is to be written")
    with suppress(ZeroDivisionError), whole_file(path, force=True) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    with whole_file(path, force=True) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_taken_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """Somebody else made it after the first look."""
    path = tmp_path / "copy"

    def write() -> None:
        with whole_file(path, force=False) as part:
            part.write_text("ours")
            path.write_text("theirs")

    with pytest.raises(AdminError, match="choose another name"):
        write()
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    """A device such as /dev/null, or a folder."""
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", Path("/dev/null")):
        with pytest.raises(AdminError, match="is no file"), whole_file(path, force=True):
            raise AssertionError("nothing is to be written")


def test_a_folder_is_there_when_all_is_in_it(tmp_path: Path) -> None:
    """For its owner alone; one that is there is replaced if this command made it."""
    path = tmp_path / "copy"
    for text in ("one", "two"):
        with whole_folder(path, text == "two", lambda there: (there / "file").exists()) as part:
            (part / "file").write_text(text)
        assert (path / "file").read_text() == text
        assert mode_of(path) == 0o700
        assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_somebody_elses_stays(tmp_path: Path) -> None:
    """Though `force` is given. A folder also stays if its replacement fails."""
    path = tmp_path / "copy"
    path.mkdir()
    (path / "mine").write_text("old")
    with (
        pytest.raises(AdminError, match="nothing that this command made"),
        whole_folder(path, True, lambda _: False),
    ):
        raise AssertionError("nothing is to be written")
    with suppress(ZeroDivisionError), whole_folder(path, True, lambda _: True) as part:
        (part / "half").write_text("new")
        raise ZeroDivisionError
    assert (path / "mine").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_made_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A slip in a path does not make folders."""
    with pytest.raises(AdminError, match="there is no folder"):
        refuse_to_overwrite(tmp_path / "nowhere" / "copy", force=True)
