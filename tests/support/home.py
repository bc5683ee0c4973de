"""The files of a user who does not exist: tests touch nothing of whoever runs them."""

import shutil
import tempfile
from pathlib import Path

_HOME = tempfile.TemporaryDirectory()

# Where programs look for them, by the XDG Base Directory Specification.
VARIABLES = {
    f"XDG_{kind}_HOME": f"{_HOME.name}/{kind.lower()}" for kind in ("CONFIG", "DATA", "STATE")
}


def forget() -> None:
    """Remove what a test has left there.

    A port is another server's in the next test: what was known of the one before, such as its
    certificate, would be taken for that of the next.
    """
    for folder in VARIABLES.values():
        if Path(folder).exists():
            shutil.rmtree(folder)
