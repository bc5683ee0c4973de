"""The server's announcement, as the library's own browser sees it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zeroconf

from chat_server.network.addresses import Reachable
from chat_server.network.finding import mdns
from chat_server.network.finding.mdns import Announcer, Service
from chat_server.server import Server
from protocol.finding import SERVICE
from tests.chat_server.network.test_listener import greet, port_of
from tests.support.networks import Lan, Machine, needs_networks
from tests.support.servers import address_of, running_server
from tests.support.tls import make_files
from tests.support.waiting import eventually

pytestmark = [needs_networks, pytest.mark.usefixtures("registration_ends")]


class Watcher:
    """What a browser on another machine sees at the moment."""

    def __init__(self, library: zeroconf.Zeroconf) -> None:
        self._library = library
        self._lock = threading.Lock()  # guards _names
        self._names: set[str] = set()
        self._browser = zeroconf.ServiceBrowser(library, SERVICE, listener=_Listener(self._changed))

    def close(self) -> None:
        """Stop looking."""
        self._browser.cancel()
        self._library.close()

    @property
    def names(self) -> set[str]:
        """The instances' names."""
        with self._lock:
            return set(self._names)

    def info(self, name: str) -> zeroconf.ServiceInfo:
        """Wait for an instance, and return what is said of it."""
        eventually(lambda: name in self.names)
        info = eventually(lambda: self._library.get_service_info(SERVICE, f"{name}.{SERVICE}"))
        assert info is not None
        return info

    def _changed(self, name: str, here: bool) -> None:
        with self._lock:
            (self._names.add if here else self._names.discard)(name.removesuffix(f".{SERVICE}"))


class _Listener(zeroconf.ServiceListener):
    def __init__(self, changed) -> None:  # type: ignore[no-untyped-def]
        self._changed = changed

    def add_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None:  # noqa: ARG002
        self._changed(name, True)

    def remove_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None:  # noqa: ARG002
        self._changed(name, False)

    def update_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None:
        """Nothing that is looked at."""


@contextmanager
def watching(machine: Machine, *interfaces: str) -> Iterator[Watcher]:
    """A browser on a machine."""
    with machine.entered():
        watcher = Watcher(zeroconf.Zeroconf(interfaces=list(interfaces)))
    try:
        yield watcher
    finally:
        watcher.close()


def properties(info: zeroconf.ServiceInfo) -> dict[str, str | None]:
    return info.decoded_properties


def restart_with(server: Server, **settings: object) -> None:
    """Let a running server take other settings."""
    from dataclasses import replace

    server.reload(replace(server.settings, **settings))  # type: ignore[arg-type]


def test_a_server_is_announced_and_taken_back(tmp_path: Path) -> None:
    """With its address, port and whether there is TLS and a password; gone when it stops."""
    with Lan() as lan:
        there, here = lan.machine("10.7.0.1/24"), lan.machine("10.7.0.2/24")
        with watching(here, "10.7.0.2") as watcher:
            with there.entered():
                running = running_server(tmp_path, hosts=("",), name="Room 2.13", announce=None)
                with running as server:
                    port = port_of(address_of(server))
                    info = watcher.info(f"Room 2-13 {port}")
                    assert info.port == port
                    assert info.parsed_addresses() == ["10.7.0.1"]
                    assert properties(info) == {"v": "1", "tls": "0", "auth": "0"}
                    greet(f"tcp://127.0.0.1:{port}")
            eventually(lambda: not watcher.names)


def test_what_changes_is_announced_anew(tmp_path: Path) -> None:
    """A password, for instance, with the fingerprint as it was."""
    certificate, key = make_files(tmp_path)
    with Lan() as lan:
        there, here = lan.machine("10.7.0.1/24"), lan.machine("10.7.0.2/24")
        with (
            watching(here, "10.7.0.2") as watcher,
            there.entered(),
            running_server(
                tmp_path / "data",
                hosts=("",),
                name="room",
                announce=None,
                tls_cert=certificate,
                tls_key=key,
            ) as server,
        ):
            name = f"room {port_of(address_of(server))}"
            assert server.fingerprint is not None
            said = {"v": "1", "tls": "1", "fp": server.fingerprint[:16]}
            assert properties(watcher.info(name)) == {**said, "auth": "0"}
            restart_with(server, password="secret")
            eventually(lambda: properties(watcher.info(name)) == {**said, "auth": "1"})


def test_two_servers_on_one_machine(tmp_path: Path) -> None:
    """Both are seen, with the same name, too."""
    with Lan() as lan:
        there, here = lan.machine("10.7.0.1/24"), lan.machine("10.7.0.2/24")
        with (
            watching(here, "10.7.0.2") as watcher,
            there.entered(),
            running_server(tmp_path / "a", hosts=("",), name="room", announce=None) as one,
            running_server(tmp_path / "b", hosts=("",), name="room", announce=None) as other,
        ):
            ports = [port_of(address_of(each)) for each in (one, other)]
            for port in ports:
                assert watcher.info(f"room {port}").port == port


def test_every_interface_and_both_families(tmp_path: Path) -> None:
    """With `::`: whoever sees one of them can connect."""
    with Lan() as lan, Lan() as other:
        there = lan.machine("10.7.0.1/24", "fe80::1/64")
        other.plug(there, "eth1", "10.8.0.1/24")
        here, beyond = lan.machine("10.7.0.2/24", "fe80::2/64"), other.machine("10.8.0.2/24")
        with (
            watching(here, "fe80::2") as first,
            watching(beyond, "10.8.0.2") as second,
            there.entered(),
            running_server(tmp_path, hosts=("::",), name="room", announce=None) as server,
        ):
            for watcher in (first, second):
                info = watcher.info(f"room {port_of(address_of(server))}")
                assert set(info.parsed_addresses()) == {"10.7.0.1", "10.8.0.1", "fe80::1"}


def test_a_network_that_comes_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one, one line says so; with one, the server is announced there."""
    monkeypatch.setattr(mdns, "INTERVAL", 0.1)  # seconds between two looks
    with Lan() as lan:
        there, here = lan.machine(), lan.machine("10.7.0.2/24")
        with (
            watching(here, "10.7.0.2") as watcher,
            caplog.at_level(logging.INFO, "chat_server.network.finding.mdns"),
            there.entered(),
            running_server(tmp_path, hosts=("",), name="room", announce=None) as server,
        ):
            eventually(lambda: "has no network yet" in caplog.text)
            lan.plug(there, "eth0", "10.7.0.1/24")
            watcher.info(f"room {port_of(address_of(server))}")
            eventually(lambda: "announced by mDNS as" in caplog.text)
            assert len(caplog.records) == 2


def test_a_start_does_not_wait(tmp_path: Path) -> None:
    """A stop does not wait for a registration under way, either."""
    with Lan() as lan:
        there, here = lan.machine("10.7.0.1/24"), lan.machine("10.7.0.2/24")
        with watching(here, "10.7.0.2") as watcher, there.entered():
            with running_server(tmp_path, hosts=("",), announce=None) as server:
                greet(f"tcp://127.0.0.1:{port_of(address_of(server))}")
                assert not watcher.names
            assert not watcher.names


# The library forgets a socket then, and Python closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_the_library_cannot_do_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """An address that this machine does not have, say: the thread goes on trying."""
    with Lan() as lan, lan.machine("10.7.0.1/24").entered():
        announcer = Announcer(
            lambda: [Reachable("10.9.9.9", "eth9")], lambda: Service("room", 7878, {})
        )
        with caplog.at_level(logging.WARNING):
            announcer.start()
            try:
                eventually(lambda: caplog.records)
                announcer.refresh()
            finally:
                announcer.stop()
        assert len({record.getMessage() for record in caplog.records}) == 1
        assert caplog.records[0].getMessage().startswith("the server is not announced by mDNS: ")
