"""A room that is written to a file."""

import json
from pathlib import Path

import pytest

from chat_client.errors import CommandError, Refused
from tests.chat_client.desk import desk


def said(seq: int, text: str, **members: object) -> dict[str, object]:
    """A message as the server writes it."""
    return {
        "room": "lobby",
        "seq": seq,
        "time": 1_795_168_800.0,
        "from": "ana",
        "kind": "text",
        "text": text,
        **members,
    }


def pages() -> list[tuple[str, dict[str, object]]]:
    """The newest, then two pages of all that there is; somebody goes on talking meanwhile."""
    return [
        ("page", {"messages": [said(3, "three")], "more": True}),
        ("page", {"messages": [said(1, "one"), said(2, "<b>two")], "more": True}),
        ("page", {"messages": [said(3, "three"), said(4, "four")], "more": False}),
    ]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("all.txt", ["#lobby <ana> one", "#lobby <ana> <b>two", "#lobby <ana> three"]),
        ("all.JSONL", ["one", "<b>two", "three"]),
        ("all.json", ["one", "<b>two", "three"]),
    ],
)
def test_all_that_is_kept_is_in_it(tmp_path: Path, name: str, lines: list[str]) -> None:
    """In its order, up to the moment at which it was asked for."""
    path = tmp_path / name
    with desk(*pages()) as (user, _):
        assert user.enter(f"/export {path}") == [f"3 messages of #lobby are in {path}"]
    written = path.read_text("utf-8").splitlines()
    if name != "all.txt":
        written = [json.loads(line)["text"] for line in written]
        assert written == lines
    else:
        assert [line.split(maxsplit=2)[2] for line in written] == lines
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_page(tmp_path: Path) -> None:
    """What was said is text there."""
    path = tmp_path / "all.html"
    with desk(*pages()) as (user, _):
        user.enter(f"/export {path}")
    page = path.read_text("utf-8")
    assert "&lt;b&gt;two" in page
    assert "four" not in page


def test_a_name_that_says_nothing(tmp_path: Path) -> None:
    """It is asked for before the server is."""
    with desk(None) as (user, asked):
        before = list(asked)
        with pytest.raises(CommandError, match=r"\.txt, \.jsonl or \.html"):
            user.enter(f"/export {tmp_path / 'all.doc'}")
        assert asked == before


def test_no_file_is_replaced(tmp_path: Path) -> None:
    """Nor is anything left where it cannot be written."""
    path = tmp_path / "all.txt"
    path.write_text("mine")
    with desk(None) as (user, _):
        with pytest.raises(CommandError, match="there already"):
            user.enter(f"/export {path}")
        with pytest.raises(CommandError, match="cannot be written"):
            user.enter(f"/export {tmp_path / 'none' / 'all.txt'}")
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_refused_leaves_no_file(tmp_path: Path) -> None:
    """Half a room is none."""
    refused = ("error", {"code": "unavailable", "text": "Not now."})
    with (
        desk(pages()[0], pages()[1], refused) as (user, _),
        pytest.raises(Refused, match="Not now"),
    ):
        user.enter(f"/export {tmp_path / 'all.txt'}")
    assert list(tmp_path.iterdir()) == []
