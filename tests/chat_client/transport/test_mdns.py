"""What an announcement is taken for, which anybody on the network can make."""

import pytest
import zeroconf

from chat_client.transport.mdns import Service, _service
from protocol.finding import SERVICE


def announced(*addresses: str, port: int | None = 7878, **properties: str) -> Service | None:
    """What is made of an announcement."""
    return _service(
        zeroconf.ServiceInfo(
            SERVICE,
            f"room 7879.{SERVICE}",
            port=port,
            parsed_addresses=list(addresses),
            properties=properties,
        )
    )


def test_an_announcement() -> None:
    """The name without the port, and what the TXT record says."""
    assert announced("10.7.0.1", port=7879, tls="1", auth="1") == (
        Service("room", 7879, True, True, ("10.7.0.1",))
    )
    assert announced("10.7.0.1") == Service("room 7879", 7878, False, False, ("10.7.0.1",))


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "::", "ff02::1"])
def test_an_address_that_is_no_other_machines(address: str) -> None:
    """Loopback would be this one."""
    assert announced(address) is None
    assert announced(address, "10.7.0.1") == Service("room 7879", 7878, False, False, ("10.7.0.1",))


def test_what_cannot_be_connected_to_is_left_out() -> None:
    """Without a port, without an address, or link-local and nobody knows on which link."""
    assert announced("10.7.0.1", port=0) is None
    assert announced() is None
    assert announced("fe80::1") is None
