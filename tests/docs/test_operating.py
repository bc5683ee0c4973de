"""What docs/operating.md says of the settings is so."""

import re
import shlex
from pathlib import Path

import pytest

from chat_client.config.settings import SETTINGS as CLIENT_SETTINGS
from chat_server import cli
from chat_server.admin import command_line as admin
from chat_server.identity import throttle
from chat_server.runtime.config import config_loader
from docs.settings_table import PAGE, with_table
from tests.support.servers import ROOT

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_of_settings_is_what_the_server_has() -> None:
    """Mend it with `python -m docs.settings_table`."""
    assert with_table(TEXT) == TEXT


def test_the_file_that_is_shown_could_be_one(tmp_path: Path) -> None:
    """All that it sets is known, and as it may be."""
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "chat-server.toml"
    file.write_text(example)
    (tmp_path / "password").write_text("secret")
    assert config_loader.read({}, {}, file).settings.connections_per_address is None


@pytest.mark.parametrize("line", re.findall(r"^    (?:\S*/)?chat-server (.*)$", TEXT, re.MULTILINE))
def test_every_command_that_is_shown_is_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands behind it for the shell is left out."""
    words = shlex.split(re.split(r"&&|[|#]|2>&1", line)[0])
    if words[:1] == ["admin"]:
        admin.parser().parse_args(words[1:])
        return
    (tmp_path / "password").write_text("secret")
    monkeypatch.chdir(tmp_path)
    config_loader.read(vars(cli._parser().parse_args(words)), {})


def test_the_mistakes_that_are_shown_are_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word."""
    (shown,) = re.findall(r"    \$ chat-server (.*)\n((?:    chat-server: .*\n)+)", TEXT)
    assert cli.main(shlex.split(shown[0])) == cli.WRONG_USE
    assert capsys.readouterr().err == re.sub("^    ", "", shown[1], flags=re.MULTILINE)


def test_the_clients_variables_are_all_named() -> None:
    """The server must name all of them, so that none looks like a mistake."""
    assert all(f"`CHAT_{name.upper()}`" in TEXT for name in CLIENT_SETTINGS)


def test_the_numbers_of_guesses_are_right() -> None:
    """So that nobody relies on others."""
    assert (throttle.FREE, throttle.FIRST_WAIT, throttle.LONGEST_WAIT) == (5, 1.0, 60.0)
    assert throttle.FORGOTTEN_AFTER == 15 * 60
    assert throttle.ADDRESSES == 10_000
    assert throttle.FREE * throttle.PEOPLE_OF_NETWORK == 200
    assert throttle.LONGEST_OF_NETWORK == 1.0
    assert f"{86400 / throttle.LONGEST_WAIT:,.0f} guesses a day" in TEXT


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))],
    ids=lambda page: page.name,
)
def test_nothing_is_installed_by_a_name_that_no_index_has(page: Path) -> None:
    """The project is in none: it is installed from a clone, or by a URL of a server."""
    assert not re.search(r"install\s+(?!http://)\S*backchannel", page.read_text(encoding="utf-8"))


def test_the_program_names_no_package_that_no_index_has() -> None:
    """In what it tells people to type."""
    for package in ("chat_server", "chat_client"):
        for path in (ROOT / package).rglob("*.py"):
            assert not re.search(r"backchannel\[", path.read_text(encoding="utf-8")), path
