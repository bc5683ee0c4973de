"""Machines on a network of their own, made of network namespaces, which needs root on Linux."""

import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

import pytest

_NUMBERS = itertools.count()
_NETWORK = 0x40000000  # CLONE_NEWNET


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _missing() -> str:
    """What this machine lacks for named network namespaces, or nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "ip is not installed"
    try:
        with Lan() as lan, lan.machine("10.99.0.1/24").entered():
            pass
    except OSError as error:
        return f"no network namespace can be entered: {error}"
    except subprocess.CalledProcessError as error:
        return f"no network namespaces with a bridge: {error.stderr.decode().strip()}"
    return ""


class Machine:
    """One machine, with a loopback interface.

    Attributes:
        through: the command that runs another one on it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.through = ("ip", "netns", "exec", name)

    def run(self, *command: str) -> None:
        """Run a command on it that must succeed."""
        subprocess.run([*self.through, *command], check=True, capture_output=True)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread be on the machine: its sockets, and those of the threads it starts.

        A socket stays where it was made.
        """
        with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{self.name}") as here:
            _enter(here.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())


def _enter(namespace: int) -> None:
    # os.setns is there from Python 3.12 on.
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _NETWORK):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Lan:
    """A switch, and the machines on it. A context manager that leaves nothing behind."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._switch = ""
        self._ports = itertools.count()

    def __enter__(self) -> Self:
        self._switch = self._namespace()
        _ip("-n", self._switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", self._switch, "link", "set", "switch", "up")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def machine(self, *addresses: str) -> Machine:
        """Add a machine; with addresses such as 10.0.0.1/24, it is plugged in, by eth0."""
        machine = Machine(self._namespace())
        if addresses:
            self.plug(machine, "eth0", *addresses)
        return machine

    def plug(self, machine: Machine, interface: str, *addresses: str) -> None:
        """Give a machine another interface, and plug it in."""
        port = f"port{next(self._ports)}"
        _ip(
            "-n",
            self._switch,
            "link",
            "add",
            port,
            "type",
            "veth",
            "peer",
            "name",
            interface,
            "netns",
            machine.name,
        )
        _ip("-n", self._switch, "link", "set", port, "master", "switch", "up")
        _ip("-n", machine.name, "link", "set", interface, "addrgenmode", "none", "up")
        for address in addresses:
            _ip("-n", machine.name, "addr", "add", address, "dev", interface, "nodad")

    def _namespace(self) -> str:
        name = f"bc{os.getpid()}-{next(_NUMBERS)}"
        _ip("netns", "add", name)
        self._stack.callback(_ip, "netns", "del", name)
        _ip("-n", name, "link", "set", "lo", "up")
        return name


needs_networks = pytest.mark.skipif(bool(_why := _missing()), reason=_why)
