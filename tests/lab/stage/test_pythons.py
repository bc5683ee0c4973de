"""The same script, with each Python that there is."""

import sys
from pathlib import Path

import pytest

from lab.stage.pythons import FREE_THREADING, WITHOUT_GIL, rows_of_each_python


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Says which program runs it."""
    script = tmp_path / "script.py"
    script.write_text(
        "import json, os, sys\n"
        "print(json.dumps([['3.x', os.environ.get('STARTED_AS', 'this one'), '1']]))\n"
    )
    return script


def test_a_python_that_is_not_there_has_a_row_that_says_so(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And as many columns as the others."""
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = {name for name in WITHOUT_GIL if not (FREE_THREADING and name == _this())}
    assert rows_of_each_python(script, 3) == [
        ["3.x", "this one", "1"],
        *(
            [f"{name[6:-1]}, no GIL", f"not measured: no {name} on this machine", "–"]
            for name in WITHOUT_GIL
            if name in missing
        ),
    ]


def _this() -> str:
    return f"python{sys.version_info[0]}.{sys.version_info[1]}t"


def test_a_python_that_is_there_is_run(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked for in the PATH."""
    for name in WITHOUT_GIL:
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\nSTARTED_AS={name} exec {sys.executable} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert [row[1] for row in rows_of_each_python(script, 3)] == ["this one", *WITHOUT_GIL]
