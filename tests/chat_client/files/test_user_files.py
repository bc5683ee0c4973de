"""The user's own files: what was typed, who is hidden, sessions of clients that run."""

from pathlib import Path

import pytest

from chat_client.files import user_files


def test_places_of_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that a client holds is nobody else's, nor is that of another server or nick."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with user_files.open_session("a:1", None) as one, user_files.open_session("a:1", None) as two:
        assert (one.token, two.token) == (None, None)
        one.keep("first", "ana")
        two.keep("a longer secret", "ben")
        two.keep("second", "ben")
    with user_files.open_session("b:1", None) as other:
        assert other.token is None
    with user_files.open_session("a:1", "Ben") as ben, user_files.open_session("a:1", None) as ana:
        assert (ben.token, ben.nick) == ("second", "ben")
        assert (ana.token, ana.nick) == ("first", "ana")
        with user_files.open_session("a:1", "eve") as eve:
            assert eve.token is None
        ana.forget()
    with user_files.open_session("a:1", "ana") as ana:
        assert ana.token is None


@pytest.mark.parametrize("content", ["{", "[1]", '{"session": 5}', '{"nick": "ana"}', "\udcff"])
def test_a_kept_session_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """Somebody else wrote it, or the disk was full: a new one is made."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with user_files.open_session("a:1", None):
        (file,) = (tmp_path / "backchannel" / "sessions").iterdir()
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with user_files.open_session("a:1", None) as kept:
        assert kept.token is None
        kept.keep("new", "ana")
    with user_files.open_session("a:1", None) as kept:
        assert kept.token == "new"


def test_no_place_to_keep_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a convenience: the program does without."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with user_files.open_session("a:1", None) as kept:
        kept.keep("secret", "ana")
        kept.forget()
        assert kept.token is None


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a new user's files are."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "backchannel"


def test_a_new_user_has_none(files: Path) -> None:
    """And looking makes none."""
    assert user_files.read_typed() == []
    assert user_files.read_ignored() == set()
    assert user_files.read_nick() == ""
    assert not files.exists()


def test_what_was_typed_comes_back_in_order(files: Path) -> None:
    """Of several lines, too; for its owner alone. Lines of somebody else are left out."""
    typed = ["hi", "two\nlines", "\U0001f375", '"quoted"']
    for text in typed:
        user_files.add_typed(text)
    with open(files / "typed", "a") as file:
        file.write("nonsense\n[1]\n")
    assert user_files.read_typed() == typed
    assert (files / "typed").stat().st_mode & 0o777 == 0o600
    assert files.stat().st_mode & 0o777 == 0o700


def test_the_file_of_what_was_typed_is_bounded(files: Path) -> None:
    """The newest lines stay."""
    files.mkdir()
    (files / "typed").write_text("".join(f'"line {n}"\n' for n in range(2500)))
    assert user_files.read_typed() == [f"line {n}" for n in range(1500, 2500)]
    assert len((files / "typed").read_text().splitlines()) == 1000


def test_who_is_hidden_and_who_one_is_are_kept(files: Path) -> None:
    """In files that can be read and edited."""
    user_files.write_ignored({"eve", "bob"})
    user_files.write_nick("ana")
    assert (files / "ignored").read_text() == "bob\neve\n"
    assert user_files.read_ignored() == {"bob", "eve"}
    user_files.write_ignored(set())
    assert user_files.read_ignored() == set()
    assert user_files.read_nick() == "ana"


def test_a_crash_is_told_behind_those_before(files: Path) -> None:
    """With the traceback."""
    for text in ("one", "two"):
        try:
            raise ZeroDivisionError(text)
        except ZeroDivisionError as error:
            path = user_files.write_crash(type(error), error, error.__traceback__)
    assert path == files / "crash.log"
    told = path.read_text()
    assert told.index("ZeroDivisionError: one") < told.index("ZeroDivisionError: two")
    assert "Traceback" in told


def test_where_nothing_can_be_written_it_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a file where the folder should be."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    user_files.add_typed("hi")
    user_files.write_nick("ana")
    assert user_files.read_typed() == []
    assert user_files.read_nick() == ""
