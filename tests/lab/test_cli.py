"""`chat-lab`: its sub-commands, and a sentence for everything that cannot be."""

import importlib
import subprocess
import sys

import pytest

from lab.cli import COMMANDS, main
from tests.support.servers import ROOT


def test_without_arguments_it_lists_the_lessons(capsys: pytest.CaptureFixture[str]) -> None:
    """All fourteen, with what is to be seen."""
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert " 1  iterative-server " in shown
    assert "14  names-and-addresses " in shown


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Each of them has a module with a `main`."""
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name} " in shown
        assert command.help in shown
        assert callable(importlib.import_module(command.module).main)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["runn"], "There is no command 'runn'. chat-lab --help shows what there is."),
        (["run", "frozen"], "There is no lesson 'frozen'. Did you mean frozen-reader?"),
        (["run", "15"], "There is no lesson '15'. chat-lab lists the lessons."),
        (["run", "1", "--html", "/nowhere/page.html"], "cannot write '/nowhere/page.html'"),
        (["run", "1", "--serve", "9", "--host", "192.0.2.1"], "Port 9 of 192.0.2.1 cannot be had"),
    ],
)
def test_wrong_use_is_a_sentence(
    typed: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing on the standard output."""
    assert main(typed) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


def test_a_wrong_option_ends_with_code_2() -> None:
    """As argparse says it, without a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "lab", "run", "1", "--serve", "port"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "'port' is not a port from 0 to 65535" in done.stderr
    assert "Traceback" not in done.stderr
