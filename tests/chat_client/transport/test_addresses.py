"""What a user may type as the servers of one chat."""

import pytest

from chat_client import AddressError, TcpAddress, TlsAddress, UnixAddress
from chat_client.transport.address import Address
from chat_client.transport.addresses import Addresses, addresses_of, parse_addresses

A, B = TcpAddress("a", 1), TcpAddress("b", 7878)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a:1", [A]),
        ("a:1,b", [A, B]),
        ("a 1, b:7878", [A, B]),
        ("a:1,tls://b", [A, TlsAddress("b")]),
        ("[::1]:1,::1", [TcpAddress("::1", 1), TcpAddress("::1", 7878)]),
        ("a:1,unix:/run/a,b", [A, UnixAddress("/run/a,b")]),
        ("unix:/run/a,b", [UnixAddress("/run/a,b")]),
    ],
)
def test_reads(text: str, addresses: list[Address]) -> None:
    """One address or several, in their order."""
    assert parse_addresses(text) == tuple(addresses)
    assert parse_addresses(str(parse_addresses(text))) == tuple(addresses)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,", "an address is missing beside a comma"),
        (",a", "an address is missing beside a comma"),
        ("a,,b", "an address is missing beside a comma"),
        ("a:1,b:99999", "'99999' is no port"),
        ("a,b,a:7878", "a:7878 is in the list of addresses twice: leave one out"),
        ("", "'' names no host"),
    ],
)
def test_refuses(text: str, says: str) -> None:
    """The sentence names the part that is wrong."""
    with pytest.raises(AddressError, match=says):
        parse_addresses(text)


def test_what_a_program_gives() -> None:
    """A text, an address, or several of either."""
    assert addresses_of("a:1,b") == addresses_of(["a:1", B]) == addresses_of([A, "b"]) == (A, B)
    assert addresses_of(A) == Addresses([A])
    assert addresses_of(["a:1,b", "tls://c"]) == (A, B, TlsAddress("c"))
    with pytest.raises(AddressError, match="is empty"):
        addresses_of([])
    with pytest.raises(AddressError, match="twice"):
        addresses_of([A, "a:1"])
