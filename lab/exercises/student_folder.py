"""A student's folder: which exercise it is for, and by which command its server is started."""

import json
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

from lab.exercises.exercise_list import Exercise, exercise
from lab.stage.errors import LabError

MARKER = "exercise.toml"
"""The file that makes a folder one with an exercise in it."""

DEFAULT_COMMAND = "python3 server.py {port}"
"""How a server is started unless its student says otherwise."""


@dataclass(frozen=True)
class StudentFolder:
    """An exercise and a student's server for it.

    Attributes:
        path: the folder.
        exercise: what the server is to do.
        command: how the server is started, with {port} for its port.
    """

    path: Path
    exercise: Exercise
    command: str

    @property
    def words(self) -> list[str]:
        """The program and its arguments."""
        return split_command(self.command)


def split_command(command: str) -> list[str]:
    """Split a command into words, as a shell does.

    Raises:
        LabError: it cannot be split, or does not say where the port goes.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise LabError(f"The command {command!r} cannot be read: {error}.") from None
    if not any("{port}" in word for word in words):
        raise LabError(
            f"The command {command!r} does not say where the port goes. "
            'Write {port} for it, as in "java Server {port}".'
        )
    return words


def read_folder(path: Path, command: str | None = None) -> StudentFolder:
    """Return what a folder says about itself.

    Args:
        path: the folder.
        command: how to start the server, instead of what the folder says.

    Raises:
        LabError: it is no folder with an exercise, or its `exercise.toml` is wrong.
    """
    marker = path / MARKER
    try:
        settings = tomllib.loads(marker.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise LabError(
            f"There is no exercise in {str(path)!r}. chat-lab exercise NAME {path} begins one."
        ) from None
    except (OSError, ValueError) as error:  # tomllib's and Unicode's errors are ValueErrors
        raise LabError(f"{str(marker)!r} cannot be read: {error}.") from None
    unknown = sorted(settings.keys() - {"exercise", "command"})
    if unknown:
        raise LabError(f"{str(marker)!r} has an unknown setting {unknown[0]!r}.")
    name, its_command = settings.get("exercise"), settings.get("command", DEFAULT_COMMAND)
    if not isinstance(name, str) or not isinstance(its_command, str):
        raise LabError(
            f'{str(marker)!r} needs the line exercise = "NAME", and may have command = "...".'
        )
    found = StudentFolder(path, exercise(name), command or its_command)
    split_command(found.command)  # whoever cannot be started is refused here
    return found


def marker_text(chosen: Exercise, command: str) -> str:
    """Return what stands in the marker of a folder.

    Args:
        chosen: the exercise.
        command: how its server is started.
    """
    # A JSON string is a TOML string, but for the one character that TOML has escaped.
    quoted = json.dumps(command, ensure_ascii=False).replace("\x7f", "\\u007f")
    return (
        "# chat-lab check reads this: the exercise, and how your server is started.\n"
        f'exercise = "{chosen.name}"\ncommand = {quoted}\n'
    )
