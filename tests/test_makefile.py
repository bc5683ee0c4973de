"""`make run` on a machine that lacks something: a sentence that says what, and nothing is made."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

# The Python that runs the tests, with one thing changed before it runs what it is given.
OLDER = "import sys; sys.version_info = (3, 10, 13, 'final', 0)"
WITHOUT_VENV = "import sys; sys.modules['ensurepip'] = None"


def python(folder: Path, change: str) -> Path:
    """A Python that is as `change` makes it."""
    path = folder / "python3"
    # What `-c` runs finds its own arguments behind it.
    run = f"{change}; code = sys.argv[2]; sys.argv = sys.argv[1:2] + sys.argv[3:]; exec(code)"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{run}" "$@"\n')
    path.chmod(0o755)
    return path


def make(folder: Path, interpreter: str | Path) -> str:
    """Run `make run`, which must fail before it makes anything, and return what it says."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    done = subprocess.run(
        ["make", "run", f"PYTHON={interpreter}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert not (folder / ".venv").exists()
    return done.stderr


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    """The version that is needed, the one that is there, and what to type."""
    said = make(tmp_path, python(tmp_path, OLDER))
    assert "needs Python 3.11 or later" in said
    assert "3.10.13" in said
    assert "PYTHON=" in said


def test_a_python_without_venv(tmp_path: Path) -> None:
    """Debian has it in a separate package. No half of a .venv is left."""
    assert "apt install python3-venv" in make(tmp_path, python(tmp_path, WITHOUT_VENV))


def test_no_python(tmp_path: Path) -> None:
    """As a name that is wrong."""
    said = make(tmp_path, tmp_path / "nowhere")
    assert "There is no" in said
    assert "3.11" in said
