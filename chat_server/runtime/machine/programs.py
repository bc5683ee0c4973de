"""How a person types the programs of this installation in the current folder."""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

CLIENT = "chat-client"


def client_command() -> str:
    """Return the command that starts the client of this installation in the current folder."""
    program = f"{CLIENT}.exe" if sys.platform == "win32" else CLIENT
    on_path = shutil.which(CLIENT)
    for folder in (Path(sys.argv[0]).parent, Path(sysconfig.get_path("scripts"))):
        script = folder / program
        if script.is_file():
            same = on_path is not None and os.path.samefile(on_path, script)
            return CLIENT if same else path_from_here(script)
    return f"{path_from_here(Path(sys.executable))} -m chat_client"


def path_from_here(path: Path) -> str:
    """Return a program's path as a person types it in the current folder, relative if possible."""
    try:
        found = Path(os.path.abspath(path))
        if found.is_relative_to(Path.cwd()):
            return quoted(os.path.join(*_relative(found, Path.cwd())))
    except OSError:  # the current folder is gone
        return quoted(str(path))
    return quoted(str(found))


def _relative(path: Path, folder: Path) -> list[str]:
    """The parts of a path below a folder, which a shell does not look up in PATH."""
    parts = list(path.relative_to(folder).parts)
    return parts if len(parts) > 1 else [os.curdir, *parts]


def quoted(text: str) -> str:
    """Return a word in the quotes that this system's shell needs."""
    return subprocess.list2cmdline([text]) if sys.platform == "win32" else shlex.quote(text)
