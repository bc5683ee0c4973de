"""The commands that are shown can be typed as they are."""

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from chat_server.runtime.machine.programs import CLIENT, client_command, path_from_here, quoted

SCRIPTS = Path(sysconfig.get_path("scripts"))

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="quotes for a POSIX shell")


def test_a_program_on_the_path_is_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is this installation's."""
    monkeypatch.setenv("PATH", str(SCRIPTS))
    assert client_command() == CLIENT


def test_of_another_installation_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path to this one's is shown."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPTS / "chat-server")])
    other = tmp_path / CLIENT
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert client_command() == quoted(str(SCRIPTS / CLIENT))


@posix_only
def test_the_command_starts_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed in the current folder, in a shell that finds nothing in PATH but itself."""
    monkeypatch.chdir(SCRIPTS.parent)
    monkeypatch.setenv("PATH", os.defpath)
    shown = subprocess.run(
        f"{client_command()} --version", shell=True, capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith(CLIENT)


@posix_only
@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("here", "./here"),
        ("bin/here", "bin/here"),
        ("a b/it's", "'a b/it'\"'\"'s'"),
    ],
)
def test_a_path_below_the_current_folder_is_relative(
    path: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a slash, so that the shell does not look it up in PATH; and in quotes, if need be."""
    monkeypatch.chdir(tmp_path)
    assert path_from_here(tmp_path / path) == typed
    assert shlex.split(typed) == [str(Path(path)) if "/" in path else f"./{path}"]


def test_another_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the current folder is gone."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert path_from_here(tmp_path / "program") == quoted(str(tmp_path / "program"))
    gone.rmdir()
    assert path_from_here(tmp_path / "program") == quoted(str(tmp_path / "program"))
