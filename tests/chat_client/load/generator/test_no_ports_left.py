"""A machine that has no local ports left is the limit itself, and no fault of the server."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from chat_client.load.control.run import nobody_came
from tests.chat_client.load.runs import COMMAND
from tests.chat_client.programs import ENVIRONMENT
from tests.support.servers import ROOT
from tests.support.waiting import DEADLINE

# A network of its own with hardly any local ports, which takes no more rights than a user has.
_FEW_PORTS = (
    'ip link set lo up && echo 40000 40011 >/proc/sys/net/ipv4/ip_local_port_range && exec "$@"'
)


@cache
def few_ports() -> list[str]:
    """What a command is to be preceded by; nothing where that cannot be had."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return []
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", _FEW_PORTS, "sh"]
    done = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if done.returncode == 0 else []


def test_no_local_ports_left(tmp_path: Path) -> None:
    """Twelve ports for twenty clients: those that fit are served, and the others are not held
    against the server.
    """
    command = few_ports()
    if not command:
        pytest.skip("no network namespace of one's own can be made here")
    report = tmp_path / "run.json"
    done = subprocess.run(
        [*command, *COMMAND, "--own-server", "--clients", "20", "--processes", "1", "--duration",
         "0.5", "--warm-up", "0", "--json", str(report)],
        capture_output=True, text=True, cwd=ROOT, env=ENVIRONMENT, timeout=DEADLINE * 4,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("INCONCLUSIVE\n")
    assert "this machine has no local port left" in done.stdout
    assert "FAILED" not in done.stdout
    assert json.loads(report.read_text())["verdict"]["outcome"] == "inconclusive"


def test_nobody_gets_in() -> None:
    """Where not even one port is left, there is no report; the sentence says whose limit it is."""
    told = nobody_came(["EADDRNOTAVAIL"])
    assert "This machine has no local port left for another connection" in told
    assert "the generator's limit, not the server's" in told
