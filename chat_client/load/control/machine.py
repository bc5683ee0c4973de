"""This machine: its cores, its limits, and the server's process if it runs here."""

import os
import platform
import re
import socket
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from chat_client.load.generator.messages import Sockaddr
from chat_client.load.model.result import Machine
from protocol.common.descriptors import allow_descriptors as allow_as_many

_PROC = Path("/proc")

_SPARE_DESCRIPTORS = 64
"""Descriptors that a worker needs besides those of its clients."""


class ServerUse(Struct, frozen=True):
    """What the server's process uses.

    Attributes:
        cpu: seconds of processor time since it started.
        memory: resident bytes.
        threads: how many threads it has.
    """

    cpu: float
    memory: int
    threads: int


def this_machine() -> Machine:
    """Return the description of this machine, with "" for what is not known."""
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    return Machine(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        gil="on" if enabled else "off",
        cores=cores(),
        processor=_processor(),
        system=f"{platform.system()} {platform.release()}",
        commit=_commit(),
    )


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def allow_descriptors(wanted: int) -> int | None:
    """Raise the limit on open files, for this process and its children, as far as the user may.

    Args:
        wanted: how many connections one process needs.

    Returns:
        None, or how many connections a process can have if that is less.
    """
    most = allow_as_many()
    if most is None or wanted + _SPARE_DESCRIPTORS <= most:
        return None
    return most - _SPARE_DESCRIPTORS


def find_server(family: int, address: Sockaddr) -> int | None:
    """Return the id of the process that listens at an address, None if it is not visible."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        return None
    inodes = _listening(int(address[1]))
    try:
        pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    except OSError:
        return None
    return next((pid for pid in pids if inodes and _has_open(pid, inodes)), None)


def server_use(pid: int) -> ServerUse | None:
    """Return what a process uses, None if it has ended (proc(5), `stat`)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    return ServerUse(
        cpu=(int(fields[11]) + int(fields[12])) / ticks,
        threads=int(fields[17]),
        memory=int(fields[21]) * page,
    )


def _listening(port: int) -> set[str]:
    """The sockets that listen on a port of this machine, as /proc/PID/fd names them."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found


def _has_open(pid: int, inodes: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        try:
            if os.readlink(f"{folder}/{name}") in inodes:
                return True
        except OSError:
            continue
    return False


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def _commit() -> str:
    """The commit of this program, "" if it does not run from its repository."""

    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
