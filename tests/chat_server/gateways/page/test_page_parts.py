"""The page's files: what they hold, and that they are all there. No browser is needed."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chat_client.commands.table import COMMANDS
from docs.page_parts import FOLDER, INDEX, command_table, with_modules
from tests.support.servers import ROOT

FILES = sorted(
    path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts
)
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
ADDRESS = re.compile(r"[\"'(](?:https?:)?//[\w-]+\.[^\s\"')]+")


def name(path: Path) -> str:
    """A file's name in the page's folder."""
    return path.relative_to(FOLDER).as_posix()


class Inline(HTMLParser):
    """Collects what a strict policy forbids, and what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See an element."""
        named = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in named):
            self.forbidden.append(tag)
        self.forbidden += [each for each in named if each == "style" or each.startswith("on")]
        self.references += [
            value for key, value in attrs if key in ("src", "href") and value and value[0] == "/"
        ]


def test_the_table_of_commands_is_the_terminal_s() -> None:
    """Run `python -m docs.page_parts` where it is not."""
    assert (FOLDER / "commands.json").read_text(encoding="utf-8") == command_table()


def test_the_page_runs_every_command() -> None:
    """Each that can be typed in a terminal."""
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted((FOLDER / "js" / "commands").glob("*.js"))
    )
    runs = set(re.findall(r"^  (?:async )?(\w+)\(", source, re.MULTILINE))
    assert {each.name for each in COMMANDS} <= runs


def test_every_module_is_loaded_beforehand() -> None:
    """Run `python -m docs.page_parts` where it is not."""
    page = INDEX.read_text(encoding="utf-8")
    assert with_modules(page) == page


@pytest.mark.parametrize("page", ["index.html", "wall.html", "live.html"])
def test_nothing_is_inline_and_everything_is_there(page: str) -> None:
    """As the Content-Security-Policy demands; what is referred to exists."""
    found = Inline()
    found.feed((FOLDER / page).read_text(encoding="utf-8"))
    assert found.forbidden == []
    parts = [
        each.removeprefix("/assets/") for each in found.references if each.startswith("/assets/")
    ]
    assert parts
    assert [each for each in parts if not (FOLDER / each).is_file()] == []
    assert {each for each in found.references if not each.startswith("/assets/")} <= {"/qr.svg"}


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_makes_no_markup_of_text(path: Path) -> None:
    """Nor evaluates any; and it says at its top what it is for."""
    source = path.read_text(encoding="utf-8")
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    assert not re.search(sinks, source)
    assert source.startswith("// ")


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    """No address of another host is loaded; files stay small enough to be read."""
    source = path.read_text(encoding="utf-8")
    assert [found[0] for found in ADDRESS.finditer(source) if "www.w3.org" not in found[0]] == []
    if path.suffix != ".json":
        assert source.count("\n") <= 500


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_what_a_script_imports_exists(path: Path) -> None:
    """Also with the right letters."""
    source = path.read_text(encoding="utf-8")
    for reference in re.findall(
        r"^(?:import|\} from|export).*?\"(\.[^\"]+)\";$", source, re.MULTILINE
    ):
        assert (path.parent / reference).resolve().is_file(), reference


def test_the_package_takes_all_files_along() -> None:
    """What setup.cfg names is what there is."""
    settings = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    found = re.search(r"^chat_server\.gateways\.page = (.+)$", settings, re.MULTILINE)
    assert found
    taken = {path for pattern in found[1].split(", ") for path in FOLDER.glob(pattern)}
    assert {path for path in FILES if path.suffix != ".py"} == taken
