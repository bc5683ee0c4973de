"""Begin an exercise: write a folder with a README, the start of a server, and a client."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from lab.exercises.exercise_list import Exercise
from lab.exercises.student_folder import (
    DEFAULT_COMMAND,
    MARKER,
    marker_text,
    read_folder,
    split_command,
)
from lab.stage.errors import LabError

_FILES = Path(__file__).parent / "starters"
_OURS = (MARKER, "README.md", "talk.py")


def begin(
    chosen: Exercise, folder: Path, command: str | None = None, before: Path | None = None
) -> list[str]:
    """Write a starter into a folder. What a student has written stays as it is.

    Args:
        chosen: the exercise.
        folder: where; it is made if it is missing.
        command: how the server is started; as in `before` if None, or else the usual command.
        before: a folder with an earlier exercise, from which the student's files are copied.

    Returns:
        A line for each file: what became of it.

    Raises:
        LabError: a folder cannot be read or written, or there is another exercise in it.
    """
    earlier = None if before is None else read_folder(before)
    if command is None:
        command = earlier.command if earlier else DEFAULT_COMMAND
    split_command(command)
    if (folder / MARKER).exists() and read_folder(folder).exercise != chosen:
        raise LabError(
            f"{str(folder)!r} has another exercise. Each has a folder of its own: "
            f"chat-lab exercise {chosen.name} OTHER_DIR --from {folder} takes your server along."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = _copy(earlier.path, folder) if earlier else {}
        done = {**_write(_texts(chosen, command), folder), **done}
    except OSError as error:
        raise LabError(f"{str(folder)!r} cannot be written: {error.strerror}.") from None
    return [f"{word:<7} {name}" for name, word in sorted(done.items())]


def _copy(before: Path, folder: Path) -> dict[str, str]:
    """Copy the student's own files. Return what became of each."""
    done = {}
    for source in before.iterdir():
        if source.name in _OURS or not source.is_file():
            continue
        done[source.name] = "kept" if (folder / source.name).exists() else "copied"
        if done[source.name] == "copied":
            shutil.copy2(source, folder / source.name)
    return done


def _texts(chosen: Exercise, command: str) -> dict[str, str]:
    """What a starter consists of."""
    texts = {MARKER: marker_text(chosen, command), "README.md": chosen.text}
    if chosen.framed:
        texts["talk.py"] = (_FILES / "talk.py").read_text("utf-8")
    if "server.py" in command:
        kind = "udp_starter.py" if chosen.datagrams else "tcp_starter.py"
        texts["server.py"] = (_FILES / kind).read_text("utf-8")
    return texts


def _write(texts: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Write what is not there yet. Return what became of each file."""
    done = {}
    for name, text in texts.items():
        done[name] = "kept" if (folder / name).exists() else "wrote"
        if done[name] == "wrote":
            (folder / name).write_text(text, "utf-8")
    return done
