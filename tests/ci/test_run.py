"""Which Pythons `.ci/run` tests on: Debian's own among them, whatever else there is."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.servers import ROOT

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def python(path: Path, version: str) -> Path:
    """A program that says of itself what a Python of that version would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def listed(debian: Path, others: Path) -> subprocess.CompletedProcess[str]:
    """Ask `.ci/run` what it would test on, with nothing else on this machine."""
    programs = others / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    for name in ("bash", "dirname", "ls"):
        (programs / name).symlink_to(str(shutil.which(name)))
    return subprocess.run(
        [programs / "bash", ROOT / ".ci/run", "--list"],
        env={"PATH": str(programs), "PYENV_ROOT": str(others), "DEBIAN_PYTHON": str(debian)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_of_each_minor_version_is_tested(tmp_path: Path) -> None:
    """Debian's 3.11.2 lacks what 3.11.7 has, so it stands for both."""
    debian = python(tmp_path / "debian" / "python3", "3.11.2")
    python(tmp_path / "versions" / "a" / "bin" / "python3", "3.11.7")
    newer = python(tmp_path / "versions" / "b" / "bin" / "python3", "3.14.0")
    python(tmp_path / "versions" / "c" / "bin" / "python3", "3.14.1")
    free = python(tmp_path / "versions" / "d" / "bin" / "python3", "3.14.0t")
    done = listed(debian, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"3.11.2 {debian}",
        f"3.14.0 {newer}",
        f"3.14.0t {free}",
    ]


def test_without_debians_python_it_fails(tmp_path: Path) -> None:
    """Even if there are others, and one that is called nearly the same."""
    python(tmp_path / "debian" / "python3.11", "3.11.2")
    python(tmp_path / "versions" / "a" / "bin" / "python3", "3.11.7")
    missing = tmp_path / "debian" / "python3"
    done = listed(missing, tmp_path)
    assert done.returncode != 0
    assert str(missing) in done.stderr
