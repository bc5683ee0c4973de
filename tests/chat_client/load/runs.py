"""Runs of the load tester, as a test makes them."""

import subprocess
import sys
from typing import Any

from chat_client.load.control.run import Run, Stopper
from chat_client.load.model.result import Result, Row
from chat_client.load.model.verdict import judge
from chat_client.load.model.workload import Load
from chat_client.transport.address import parse_address
from tests.chat_client.programs import ENVIRONMENT
from tests.support.servers import ROOT

COMMAND = [sys.executable, "-m", "chat_client.load"]


def make_run(address: str, *conditions: Any, **load: Any) -> Result:
    """Make a short run of a few clients in one process, and judge it."""
    chosen = {"clients": 5, "talkers": 40.0, "warm_up": 0.0, "duration": 0.2, "patience": 1.0}
    run = Run(parse_address(address), Load(**{**chosen, **load}), "chat-load", watch, Stopper())
    result = run.conduct()
    result.verdict = judge(result, conditions)
    return result


def watch(_result: Result, _row: Row) -> None:
    """Watch nothing."""


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
