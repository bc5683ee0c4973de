"""This machine, and the server's process on it."""

import os
import socket
import subprocess
import sys

import pytest

from chat_client.load.control.machine import (
    allow_descriptors,
    cores,
    find_server,
    server_use,
    this_machine,
)

needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/net"), reason="needs Linux's /proc")


def test_this_machine() -> None:
    """The description of the machine has no name in it."""
    machine = this_machine()
    assert machine.python.split()[1] == ".".join(map(str, sys.version_info[:3]))
    assert machine.cores == cores() >= 1
    assert machine.gil in ("on", "off")
    assert socket.gethostname() not in (machine.processor, machine.system, machine.commit)


@needs_proc
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_process_that_listens_is_found(host: str) -> None:
    """The process is found by its port, as long as it listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with listener:
        address = listener.getsockname()
        assert find_server(family, address) == os.getpid()
    assert find_server(family, address) is None


def test_a_unix_socket_is_not_looked_for() -> None:
    """/proc does not say who listens at a path."""
    assert find_server(socket.AF_UNIX, "/tmp/socket") is None


@needs_proc
def test_what_a_process_uses() -> None:
    """A process that has ended uses nothing."""
    use = server_use(os.getpid())
    assert use is not None
    assert use.cpu > 0
    assert use.memory > 1_000_000
    assert use.threads >= 1
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert server_use(gone.pid) is None


def test_descriptors() -> None:
    """One connection is always possible, and 10**12 never are."""
    assert allow_descriptors(1) is None
    most = allow_descriptors(10**12)
    assert most is not None
    assert 0 < most < 10**12
