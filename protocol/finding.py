"""How a server is found: the UDP query, its answer, and the names of the mDNS service, as bytes.

docs/finding.md describes both. Whatever an answer says may come from anybody on the network.
"""

import re
from typing import NamedTuple

SERVICE = "_backchannel._tcp.local."
"""The type of the service in DNS-SD (RFC 6763)."""

LABEL_LIMIT = 63
"""Bytes that the name of a service may have (RFC 6763, 4.1.1)."""

NONCE_BYTES = 8

QUERY_LIMIT = 64
"""Bytes that are read of a packet; a query is shorter."""

_QUERY = re.compile(rb"backchannel\? 1 ([0-9A-Fa-f]{16})\r?\n?")
_ANSWER = re.compile(
    rb"backchannel! 1 ([0-9A-Fa-f]{16}) ([0-9]{1,5}) ([01]) ([^\r\n]*)\r?\n?", re.DOTALL
)


class Answer(NamedTuple):
    """What a server says of itself.

    Attributes:
        port: where clients connect, on the address that the answer came from.
        tls: whether it speaks TLS there.
        name: what it calls itself, perhaps cut short. It is untrusted text.
    """

    port: int
    tls: bool
    name: str


def query(nonce: str) -> bytes:
    """Return the packet that asks which servers are there; `nonce` is 16 hexadecimal digits."""
    return f"backchannel? 1 {nonce}".encode("ascii")


def read_query(packet: bytes) -> str | None:
    """Return the nonce of a query, or None if the packet is something else."""
    found = _QUERY.fullmatch(packet)
    return found[1].decode("ascii") if found else None


def answer(nonce: str, answered: Answer) -> bytes:
    """Return the packet that answers a query.

    It is at most twice as long as the query, so that nobody can use it to multiply what they send
    under a false address. The name is cut to that.
    """
    head = f"backchannel! 1 {nonce} {answered.port} {answered.tls:d} ".encode("ascii")
    return head + cut(answered.name, 2 * len(query(nonce)) - len(head)).encode()


def read_answer(packet: bytes, nonce: str) -> Answer | None:
    """Return what an answer to the query with this nonce says; None for any other packet."""
    found = _ANSWER.fullmatch(packet)
    if found is None or found[1].decode("ascii").lower() != nonce.lower():
        return None
    port = int(found[2])
    if not 1 <= port <= 65535:
        return None
    return Answer(port, found[3] == b"1", found[4].decode("utf-8", "replace"))


def label(name: str, port: int, usual: int) -> str:
    """Return the name of a server's service, which is its own among those of one machine.

    Args:
        name: the server's name.
        port: where it listens. Unless it is the usual one it is part of the label: two services
            of one machine with one name would be taken for each other.
        usual: the port that is left out.
    """
    suffix = "" if port == usual else f" {port}"
    # A full stop would separate two labels.
    return cut(name.replace(".", "-"), LABEL_LIMIT - len(suffix)) + suffix


def name_in(label: str, port: int) -> str:
    """Return the server's name in the label of its service: the other way round."""
    return label.removesuffix(f" {port}") or label


def cut(text: str, limit: int) -> str:
    """Return as many of the first characters as take at most `limit` bytes in UTF-8."""
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
