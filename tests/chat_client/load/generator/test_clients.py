"""Simulated clients that reconnect, stop reading, are refused, or find no port."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.chat_client.load.faulty import faulty_server
from tests.chat_client.load.runs import COMMAND, make_run
from tests.chat_client.programs import ENVIRONMENT
from tests.support.servers import ROOT
from tests.support.waiting import DEADLINE


def test_clients_that_come_and_go_and_stop_reading(server: str) -> None:
    """All clients talk, reconnect and stop reading, and every member gets each message once."""
    result = make_run(
        server,
        clients=12,
        rooms=2,
        talkers=100.0,
        rate=200.0,
        duration=1.0,
        churn=20.0,
        slow=40.0,
        processes=2,
        nick_prefix="busy",
    )
    assert not result.faults, result.examples
    assert result.verdict.passed
    assert result.whole.connect.total > 12
    assert result.received == result.whole.sent * 6


def test_refusals_are_errors_by_code() -> None:
    """The verdict says how to lift the limits of the server."""
    with faulty_server(refuse="rate_limited") as address:
        result = make_run(address)
    assert result.errors["rate_limited"].count == result.whole.sent > 0
    assert any("--no-limits" in note for note in result.verdict.notes)
    assert "nothing was delivered" in result.verdict.checks[0].text
    assert not result.verdict.passed


def test_a_join_that_has_to_wait() -> None:
    """Who may not join yet asks again when the server says so, on the same connection."""
    with faulty_server(busy=True) as address:
        result = make_run(address, clients=3)
    assert result.errors["rate_limited"].count == result.whole.connect.total == 3
    assert not result.faults, result.examples


# A network of its own with hardly any local ports, which needs no rights but a user's own.
_FEW_PORTS = (
    'ip link set lo up && echo 40000 40011 >/proc/sys/net/ipv4/ip_local_port_range && exec "$@"'
)


@cache
def few_ports() -> list[str]:
    """What to put before a command; nothing if this machine does not allow it."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return []
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", _FEW_PORTS, "sh"]
    done = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if done.returncode == 0 else []


@pytest.mark.long
def test_no_local_ports_left(tmp_path: Path) -> None:
    """Twelve ports for twenty clients: those that fit are served, and the others are not held
    against the server.
    """
    command = few_ports()
    if not command:
        pytest.skip("no network namespace of one's own can be made here")
    report = tmp_path / "run.json"
    done = subprocess.run(
        [
            *command,
            *COMMAND,
            "--own-server",
            "--clients",
            "20",
            "--processes",
            "1",
            "--duration",
            "0.5",
            "--warm-up",
            "0",
            "--json",
            str(report),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        timeout=DEADLINE * 4,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "INCONCLUSIVE" in done.stdout.splitlines()
    assert "this machine has no local port left" in done.stdout
    assert "FAILED" not in done.stdout
    assert json.loads(report.read_text())["verdict"]["outcome"] == "inconclusive"
