"""Tiny runs, end to end: a server as a child process, a few members, half a second."""

import os
import signal
import subprocess
import sys

import pytest

from benchmarks.fanout import main, percentile
from benchmarks.server_process import running_server

# Seconds each, as a benchmark takes them: `make test-bench` runs these.
pytestmark = pytest.mark.bench

TINY = ["--members", "5", "--seconds", "0.5", "--warm-up", "0", "--publishers", "2"]
NULL_SERVER = ["--server", "benchmarks.null_server"]


def test_a_run_reports_deliveries_and_passes_its_audit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY, *NULL_SERVER]) == 0
    line = capsys.readouterr().out.splitlines()[-1].split()
    assert line[0] == "5"
    assert int(line[1].replace(",", "")) > 0
    assert line[-1] == "passed"


@pytest.mark.parametrize("fault", ["drop", "double", "reorder"])
def test_a_server_that_wrongs_one_member_fails_the_audit(
    fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*TINY, *NULL_SERVER, "--server-args", f"--fault {fault}"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_a_server_that_does_not_start_is_told_with_what_it_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*TINY, "--server", "benchmarks.no_such_server"]) == 1
    assert "no_such_server" in capsys.readouterr().err


def test_the_server_is_stopped_when_the_run_is_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt), running_server("benchmarks.null_server") as server:
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_ctrl_c_ends_a_run_without_a_traceback() -> None:
    command = [sys.executable, "-m", "benchmarks.fanout", *NULL_SERVER, "--seconds", "60"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as bench:
        assert bench.stdout is not None
        bench.stdout.readline()
        bench.send_signal(signal.SIGINT)
        _, errors = bench.communicate(timeout=60)
    assert bench.returncode == 130
    assert errors == "interrupted\n"


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 2.0), (0.51, 3.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)]
)
def test_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], share) == value


def test_percentile_of_nothing_is_0() -> None:
    assert percentile([], 0.5) == 0.0


def test_the_real_server_passes_the_audit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(TINY) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("passed")


def test_members_over_websocket_are_measured_in_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    """A native run, one over WebSocket, and their ratio; as often as was asked."""
    assert main([*TINY, "--websocket", "--pairs", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[-1] for line in lines[:2]] == ["passed"] * 2
    assert len(lines) == 6
    assert all("over WebSocket: " in line for line in (lines[2], lines[5]))
