"""Addresses, and what is known of them."""

from ipaddress import IPv4Address

from chat_server.network.addresses import host_address


def test_a_hosts_address() -> None:
    """None where it has none."""
    assert host_address("::ffff:10.0.0.7") == IPv4Address("10.0.0.7")
    assert host_address("unix") is None
