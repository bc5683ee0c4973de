"""A class list as a file: what is read, and what is told of what is wrong."""

from pathlib import Path

import pytest

from chat_server.admin.classes.class_file import PIN_DIGITS, PUPILS_LIMIT, read_class
from chat_server.runtime.errors import AdminError


def written(folder: Path, text: str | bytes) -> Path:
    """A file with that in it."""
    path = folder / "10b.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "Ana Kovač,ana,correct horse\nBen,ben\n",
        "name,nick,PIN\nAna Kovač,ana,correct horse\nBen,ben,\n",
        "\ufeffName;Nick;PIN\r\nAna Kovač;ana;correct horse\r\nBen;ben;\r\n\r\n",
        '"Ana Kovač" , ana , "correct horse"\n,,\nBen,ben'.replace(" , ", ","),
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str) -> None:
    """With a head or without, commas or semicolons, a byte order mark, empty lines."""
    ana, ben = read_class(written(tmp_path, text))
    assert (ana.name, ana.nick, ana.pin) == ("Ana Kovač", "ana", "correct horse")
    assert (ben.name, ben.nick) == ("Ben", "ben")
    assert ben.pin.isdecimal()
    assert len(ben.pin) == PIN_DIGITS


def test_pins_differ(tmp_path: Path) -> None:
    """Each is random."""
    rows = read_class(written(tmp_path, "".join(f"P{n},p{n}\n" for n in range(50))))
    assert len({row.pin for row in rows}) == 50


def test_all_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    """In one go, so that the list is mended in one go."""
    text = "\n".join(
        [
            "name,nick,PIN",
            "Ana,ana,short",
            "Ben",
            ",carl",
            "Dan,",
            "Eva,#eva",
            "Fay,fay,correct horse,more",
            "Gus,\u0430na2",
            "Hal,ana2",
        ]
    )
    with pytest.raises(AdminError) as caught:
        read_class(written(tmp_path, text))
    first, *told = str(caught.value).split("\n")
    assert first.endswith("10b.csv: nothing was done.")
    assert [line.partition(":")[0] for line in told] == [f"line {n}" for n in (2, 3, 4, 5, 6, 7, 9)]
    assert "8" in told[0]
    assert "no name" in told[2]
    assert "no nick" in told[3]
    assert "line 8" in told[6]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "nobody is in it"),
        (b"name,nick\n", "nobody is in it"),
        (b"Ana,ana\nJ\xfcrgen,jo\n", "line 2 is not in UTF-8"),
        (b'Ana,"ana', "no CSV"),
        ("".join(f"P{n},p{n}\n" for n in range(PUPILS_LIMIT + 1)).encode(), "at most 150"),
        (b"x" * 1_000_001, "too large"),
        (b"Ana,a\x00na\n", "line 1"),
        (b"A\x1b[2Jna,ana\n", "line 1"),
    ],
)
def test_what_is_no_class_list(tmp_path: Path, data: bytes, sentence: str) -> None:
    """A sentence that says what to do."""
    with pytest.raises(AdminError, match=sentence):
        read_class(written(tmp_path, data))


def test_no_file(tmp_path: Path) -> None:
    """Nor a folder."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(AdminError, match="cannot be read"):
            read_class(path)
