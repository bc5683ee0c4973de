"""SASL PLAIN as IRC carries it (RFC 4616; IRCv3 sasl-3.2): base64 in pieces of 400 bytes."""

import base64
import binascii
from typing import NamedTuple

PIECE = 400
"""Bytes of a piece; a shorter one is the last, `+` an empty one."""

LONGEST = 8 * PIECE
"""Bytes of base64 in all: far more than the longest name and password take."""


class Credentials(NamedTuple):
    """What somebody logs in with."""

    account: str
    password: str


class TooLong(Exception):
    """A piece is longer than it may be, or all of them are."""


class Exchange:
    """One attempt to log in."""

    def __init__(self) -> None:
        self._received = ""

    def feed(self, piece: str) -> str | None:
        """Take a piece. Return all of them when it was the last.

        Raises:
            TooLong: this cannot be right.
        """
        if len(piece) > PIECE or len(self._received) + len(piece) > LONGEST:
            raise TooLong
        if piece != "+":
            self._received += piece
            if len(piece) == PIECE:
                return None
        return self._received


def read_plain(encoded: str) -> Credentials | None:
    """Return what a client says by the mechanism PLAIN; None if that cannot be right."""
    try:
        parts = base64.b64decode(encoded, validate=True).decode().split("\0")
    except (binascii.Error, ValueError):
        return None
    if len(parts) != 3:
        return None
    authorized, account, password = parts
    if not account or authorized not in ("", account):
        return None
    return Credentials(account, password)
