"""A lesson: its servers, its attack and its text, from its folder."""

import importlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from lab.stage.stage import Stage, Table, Verdict


class Server(msgspec.Struct, frozen=True):
    """A server of a lesson.

    Attributes:
        file: its source, in the lesson's folder.
        label: what is special about it, in a few words.
        withstands: whether it passes the lesson's attack.
    """

    file: str
    label: str
    withstands: bool


class Lesson(msgspec.Struct, frozen=True):
    """A lesson.

    Attributes:
        name: what the user types.
        number: its place in the list, from 1.
        folder: where its files are.
        title: its heading.
        summary: what is to be seen, in a sentence.
        text: its page, in Markdown.
        servers: the servers, in the order in which they are shown.
        attack: plays the attack and returns what it found.
        guilty: the lines of `broken.py` that cause it.
        beside: measures what is shown beside it; None if there is nothing.
    """

    name: str
    number: int
    folder: Path
    title: str
    summary: str
    text: str
    servers: list[Server]
    attack: Callable[[Stage], Verdict]
    guilty: list[str]
    beside: Callable[[], list[Table]] | None

    def path(self, server: Server) -> Path:
        """Return where the source of a server is."""
        return self.folder / server.file


def load(name: str, number: int, folder: Path, package: str) -> Lesson:
    """Return the lesson in a folder.

    Args:
        name: what the user types.
        number: its place in the list.
        folder: where its files are.
        package: the folder's name as a package.
    """
    module = importlib.import_module(f"{package}.attack")
    text = (folder / "lesson.md").read_text(encoding="utf-8")
    heading, _, rest = text.partition("\n")
    return Lesson(
        name=name,
        number=number,
        folder=folder,
        title=heading.removeprefix("# "),
        summary=" ".join(rest.strip().partition("\n\n")[0].split()),
        text=text,
        servers=module.SERVERS,
        attack=module.attack,
        guilty=module.GUILTY,
        beside=getattr(module, "beside", None),
    )
