"""Measure the same with each Python: the one that runs the lab, and those without a GIL."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

WITHOUT_GIL = ("python3.13t", "python3.14t")
"""The programs that are looked for in the PATH."""

FREE_THREADING = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""Whether the Python that runs the lab has no GIL."""

_PATIENCE = 60.0  # seconds


def rows_of_each_python(script: Path, columns: int) -> list[list[str]]:
    """Run a script with each Python, and return the rows that it prints as JSON.

    Args:
        script: prints a list of rows, of which each begins with the Python's version.
        columns: how many columns the table has.

    Returns:
        The rows of all. A Python without a GIL that is not installed has a row that says so.

    Raises:
        CalledProcessError: the script failed.
        TimeoutExpired: it did not end within a minute.
    """
    rows = _rows(sys.executable, script)
    for name in WITHOUT_GIL:
        if path := shutil.which(name):
            rows += _rows(path, script)
        elif not (FREE_THREADING and name == _running()):
            version = name.removeprefix("python").removesuffix("t")
            row = [f"{version}, no GIL", f"not measured: no {name} on this machine"]
            rows.append([*row, *["–"] * (columns - len(row))])
    return rows


def _running() -> str:
    return f"python{sys.version_info[0]}.{sys.version_info[1]}t"


def _rows(python: str, script: Path) -> list[list[str]]:
    done = subprocess.run(
        [python, script], capture_output=True, text=True, timeout=_PATIENCE, check=True
    )
    rows: list[list[str]] = json.loads(done.stdout)
    return rows
