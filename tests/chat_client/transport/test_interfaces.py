"""This machine's addresses, and which others are near."""

from ipaddress import ip_network

import pytest

from chat_client.transport.interfaces import Neighbourhood, adapters, bare, interface_name

HERE = Neighbourhood(("10.0.0.7", "fd00::7"), (ip_network("10.0.0.0/24"), ip_network("fd00::/64")))


@pytest.mark.parametrize(
    ("host", "own", "near"),
    [
        ("10.0.0.7", True, True),
        ("10.0.0.8", False, True),
        ("10.0.1.8", False, False),
        ("fd00::8%eth0", False, True),
        ("fd01::8", False, False),
        ("127.0.0.1", True, False),
        ("127.9.9.9", True, False),
        ("::1", True, False),
    ],
)
def test_where_an_address_is(host: str, own: bool, near: bool) -> None:
    """Loopback is always this machine. The interface behind `%` does not matter."""
    assert (HERE.is_own(host), HERE.is_near(host)) == (own, near)


def test_this_machine_knows_its_own() -> None:
    """As far as the system tells of its interfaces."""
    here = Neighbourhood.here()
    for host in here.own:
        assert here.is_own(host)
        assert here.is_near(host)
    assert len(here.own) == sum(len(adapter.ips) for adapter in adapters())


def test_what_stands_behind_an_address() -> None:
    """An interface that is gone is its number."""
    assert bare("fe80::1%eth0") == "fe80::1"
    assert bare("10.0.0.7") == "10.0.0.7"
    assert interface_name(2**31 - 1) == str(2**31 - 1)
