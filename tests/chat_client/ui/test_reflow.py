"""In a terminal that breaks its lines anew, which tmux is, no copies of the input line stay."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat_client.ui.reflow import reflows
from tests.chat_client.programs import ENVIRONMENT
from tests.chat_server.house import House
from tests.support.servers import ROOT
from tests.support.waiting import eventually

Tmux = Callable[..., str]

DRAFT = "a long draft that takes more than one line of a terminal with eighty columns, as this does"


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    """Gives commands to a tmux of our own."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("this system has no tmux")
    base = [program, "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [*base, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=True
        )
        return done.stdout.decode()

    yield command
    subprocess.run([*base, "kill-server"], capture_output=True, check=False)


def test_no_copies_where_the_window_gets_narrower(
    tmux: Tmux, host: House, home: dict[str, str]
) -> None:
    """A draft of several rows is drawn once, in the new width."""
    variables = [f"{name}={value}" for name, value in home.items()]
    client = ["env", *variables, sys.executable, "-m", "chat_client", host.address]
    tmux("new-session", "-d", "-x", "80", "-y", "24", *client, "--nick", "ana")

    def shown() -> str:
        return tmux("capture-pane", "-p")

    eventually(lambda: "[lobby]" in shown())
    tmux("send-keys", "-l", DRAFT)
    eventually(lambda: "this does" in shown())
    tmux("resize-window", "-x", "60", "-y", "24")
    # Drawn for that width: the second row of the draft begins below the first.
    eventually(lambda: "\n        inal with eighty columns" in shown())
    assert shown().count("[lobby] a long draft") == 1


@pytest.mark.parametrize(
    ("environment", "does"),
    [
        ({}, False),
        ({"TMUX": "x"}, True),
        ({"VTE_VERSION": "7000"}, True),
        ({"VTE_VERSION": "7000", "STY": "x"}, False),
        ({"TMUX": "x", "STY": "x"}, True),
    ],
)
def test_which_terminals_do(environment: dict[str, str], does: bool) -> None:
    """Those that are known, unless something within them does not."""
    assert reflows(environment) == does
