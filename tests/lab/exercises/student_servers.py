"""The students' servers of the tests, right and wrong, and how they are checked."""

import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.exercises.exercise_list import exercise, run_check
from lab.exercises.target import Limits, Outcome
from tests.support.ports import free_port

HERE = Path(__file__).parent
ANSWERS = HERE / "answers"
SERVERS = HERE / "servers"

GENEROUS = Limits(start=30, answer=20, whole=60)
"""For servers that answer. Nothing waits this long but on a machine that is very busy."""

SILENT = Limits(start=30, answer=3, whole=60)
"""For servers that never answer something."""

_AT_ONCE = 4

# A model answer has the name of its exercise, as a module, but for these.
_MODULES = {"big-messages": "frames", "numbers": "numbering"}  # `numbers` is Python's own


def command(file: str) -> list[str]:
    """The command line of a server in Python."""
    # Without `site` a Python starts in half the time.
    return [sys.executable, "-S", file, "{port}"]


def answer_of(name: str) -> Path:
    """The file with the model answer to an exercise."""
    folder = "steps" if exercise(name).step else "lessons"
    return ANSWERS / folder / f"{_MODULES.get(name, name.replace('-', '_'))}.py"


def check(name: str, server: Path, limits: Limits = GENEROUS) -> Outcome:
    """Check one server."""
    return run_check(exercise(name), server.parent, command(server.name), limits, free_port())


@contextmanager
def answers_can_be_imported() -> Iterator[None]:
    """Let wrong servers import the answers, of which they change a part."""
    with pytest.MonkeyPatch.context() as patch:
        folders = (ANSWERS / "steps", ANSWERS / "lessons")
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, folders)))
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        yield


def expect_wrong(
    expected: Mapping[str, tuple[str, str]], silent: Mapping[str, tuple[str, str]] | None = None
) -> None:
    """Check wrong servers, some at the same time.

    Args:
        expected: by exercise/server, the paragraph that is named, and a part of the sentence.
        silent: the same for servers that never answer something, for which the check waits.
    """
    silent = silent or {}
    limits = {**dict.fromkeys(silent, SILENT), **dict.fromkeys(expected, GENEROUS)}
    # Those that wait need no processor.
    with answers_can_be_imported(), ThreadPoolExecutor(_AT_ONCE + len(silent)) as pool:
        running = {
            server: pool.submit(check, server.split("/")[0], SERVERS / f"{server}.py", limit)
            for server, limit in limits.items()
        }
    for server, (heading, part) in {**silent, **expected}.items():
        outcome = running[server].result()
        assert not outcome.passed, server
        assert part in outcome.sentence, (server, outcome)
        assert outcome.heading == heading, (server, outcome)
        assert f' was expected: read "{heading}" in README.md' in outcome.sentence, server
        assert "\n" not in outcome.sentence, server
