"""Tiny crowds, end to end, and the ways in which one can fail."""

import signal
import subprocess
import sys

import pytest

from benchmarks.crowd import main

# Seconds each, as a benchmark takes them: `make test-bench` runs these.
pytestmark = pytest.mark.bench

TINY = ["--storm", "20", "--idle", "30", "--rooms", "3", "--seconds", "0.2"]


def test_all_get_in_and_the_server_notices_that_they_have_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(TINY) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["got", "in", "20", "of", "20"] in lines
    assert sum(line[-3:] == ["exit", "code", "0"] for line in lines) == 2
    assert lines[-1] == ["the", "audit", "passed"]


def test_refused_clients_fail_the_audit_and_are_counted_by_their_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.crowd.VERSION", 2)
    assert main(["--storm", "20", "--idle", "0"]) == 1
    printed = capsys.readouterr().out
    assert "unsupported_version: 20" in printed
    assert printed.endswith("the audit FAILED\n")


def test_ctrl_c_ends_a_run_without_a_traceback() -> None:
    command = [sys.executable, "-m", "benchmarks.crowd", "--storm", "0", "--idle", "20"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as bench:
        assert bench.stdout is not None
        bench.stdout.readline()
        bench.send_signal(signal.SIGINT)
        _, errors = bench.communicate(timeout=60)
    assert bench.returncode == 130
    assert errors == "interrupted\n"
