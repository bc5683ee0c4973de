"""The servers of one chat: what a user types, and which of them is tried next."""

from collections.abc import Iterable, Iterator

from chat_client.errors import AddressError
from chat_client.transport.address import Address, parse_address


class Addresses(tuple[Address, ...]):
    """Where a chat can be reached: one address or several, in the order in which they are tried.

    Each has a trust of its own, if it speaks TLS. As a text it is what a user types.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return ",".join(map(str, self))


def parse_addresses(text: str) -> Addresses:
    """Return the addresses that a user typed, separated by commas.

    Args:
        text: each of them as `parse_address` takes it. The path of a Unix socket may contain
            commas, so such an address is the last one.

    Raises:
        AddressError: one of them is none, or is there twice.
    """
    return _checked(parse_address(part) for part in _parts(text))


def addresses_of(given: str | Address | Iterable[str | Address]) -> Addresses:
    """Return the addresses that a program gives: a text, an address, or several of either.

    Raises:
        AddressError: one of them is none, or is there twice; or there is none.
    """
    if isinstance(given, str):
        return parse_addresses(given)
    if isinstance(given, Address):
        return Addresses([given])
    return _checked(
        address
        for each in given
        for address in (parse_addresses(each) if isinstance(each, str) else [each])
    )


def _parts(text: str) -> Iterator[str]:
    several = "," in text
    while True:
        if text.lstrip(" ").startswith("unix:"):
            yield text.strip(" ")
            return
        part, comma, text = text.partition(",")
        if several and not part.strip(" "):
            raise AddressError(
                "an address is missing beside a comma: write addresses like HOST:PORT,HOST:PORT"
            )
        yield part
        if not comma:
            return


def _checked(given: Iterable[Address]) -> Addresses:
    found: list[Address] = []
    for address in given:
        if address in found:
            raise AddressError(f"{address} is in the list of addresses twice: leave one out")
        found.append(address)
    if not found:
        raise AddressError("the list of addresses is empty: give one at least")
    return Addresses(found)
