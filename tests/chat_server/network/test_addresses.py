"""Addresses, and what is known of them."""

from ipaddress import IPv4Address

import pytest

from chat_server.network.addresses import host_address


def test_a_hosts_address() -> None:
    """None where it has none."""
    assert host_address("::ffff:10.0.0.7") == IPv4Address("10.0.0.7")
    assert host_address("unix") is None


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("[::ffff:10.0.0.7]", "10.0.0.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("unix", None),
        ("", None),
    ],
)
def test_where_a_connection_comes_from(host: str, address: str | None) -> None:
    """An address that was mapped into IPv6 is itself."""
    found = host_address(host)
    assert (None if found is None else str(found)) == address
