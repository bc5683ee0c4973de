"""A file that a command writes is a new one."""

from pathlib import Path

import pytest

from chat_client.errors import CommandError
from chat_client.files.new_file import write_new


def test_a_text_is_written_as_it_is(tmp_path: Path) -> None:
    """In UTF-8, with its line ends."""
    path = tmp_path / "notes"
    write_new(path, "naïve\r\nnext\n")
    assert path.read_bytes() == "naïve\r\nnext\n".encode()


def test_another_file_stays(tmp_path: Path) -> None:
    """Whatever is in it, and the sentence says what to do."""
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(CommandError, match="is there already: choose another name"):
        write_new(path, "theirs")
    assert path.read_text() == "mine"


def test_where_it_cannot_be_is_told(tmp_path: Path) -> None:
    """As one sentence."""
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        write_new(tmp_path / "nowhere" / "notes", "text")
