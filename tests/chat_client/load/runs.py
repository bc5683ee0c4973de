"""Runs of the load tester for tests."""

import subprocess
import sys
from typing import Any

import pytest

from chat_client.load.control import command_line
from chat_client.load.control.run import Run, Stopper
from chat_client.load.model.result import Result, Row
from chat_client.load.model.verdict import judge
from chat_client.load.model.workload import Load
from chat_client.transport.addresses import parse_addresses
from tests.chat_client.programs import ENVIRONMENT
from tests.support.servers import ROOT
from tests.support.waiting import DEADLINE

COMMAND = [sys.executable, "-m", "chat_client.load"]


def make_run(address: str, *conditions: Any, **load: Any) -> Result:
    """Make a short run of a few clients in one process, and judge it.

    Its patience is long enough for a busy machine. A test in which something never comes gives a
    shorter one.
    """
    chosen = {"clients": 5, "talkers": 40.0, "warm_up": 0.0, "duration": 0.2, "patience": DEADLINE}
    run = Run(parse_addresses(address), Load(**{**chosen, **load}), "chat-load", watch, Stopper())
    result = run.conduct()
    result.verdict = judge(result, conditions)
    return result


def watch(_result: Result, _row: Row) -> None:
    """Show nothing."""


def start(*arguments: str) -> "subprocess.Popen[str]":
    """Start `chat-load` with its outputs piped."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=ENVIRONMENT,
    )


def wrong(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Start `chat-load` wrongly, and return the last line of what it says."""
    try:
        code = command_line.main(list(arguments))
    except SystemExit as error:  # argparse's own way
        code = int(str(error.code))
    assert code == command_line.WRONG_USE
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return str(err.splitlines()[-1])
