"""Which server to join where no address was given: one that answers, or one that the user picks."""

import json as json_format
import socket
import sys
from collections.abc import Sequence

from chat_client.config import streams
from chat_client.config.exit_codes import DONE, NOT_LET_IN, NOT_SAID
from chat_client.display.text import cells
from chat_client.errors import ChatError
from chat_client.transport.address import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    TcpAddress,
    TlsAddress,
)
from chat_client.transport.discovery import FoundServer, find_servers

_PROBE = 0.5
"""Seconds to wait for a connection to a server on this machine that answers no queries."""

_NONE = (
    "no server answers, on this machine or its networks. Give its address, chat-client HOST, which "
    "stands in the first lines of the server; or start one with chat-server. Some networks, of "
    "guests above all, keep machines apart, and firewalls drop UDP 7878 and 5353"
)


def choose() -> TcpAddress:
    """Return the address of the server that answers; of several, let the user choose.

    Raises:
        ChatError: no server answers, or several do and nobody can be asked.
        KeyboardInterrupt: the user leaves.
    """
    if _can_ask():
        streams.tell("looking for a server ...")
    found = find_servers()
    if not found:
        if _listens_here():  # a server with --no-announce, or an older one
            return TcpAddress()
        raise ChatError(_NONE)
    if len(found) > 1:
        return _ask(found).address
    streams.tell(f"chat-client: joining {found[0].name} at {found[0].address}, which answers here")
    return found[0].address


def show(*, json: bool) -> int:
    """List the servers that answer.

    Args:
        json: a line of JSON for each.

    Returns:
        The exit code: NOT_LET_IN if there is none.
    """
    found = find_servers()
    if not found:
        streams.tell(f"chat-client: {_NONE}")
        return NOT_LET_IN
    lines = [_record(each) for each in found] if json else _table(found)
    return DONE if streams.show("\n".join(lines)) else NOT_SAID


def _ask(found: Sequence[FoundServer]) -> FoundServer:
    """Let the user choose one."""
    if not _can_ask():
        listed = ", ".join(f"{each.name} at {each.address}" for each in found)
        raise ChatError(f"{len(found)} servers answer: {listed}. Give the address of one")
    choices = {str(number): each for number, each in enumerate(found, 1)}
    for number, line in zip(choices, _table(found), strict=True):
        streams.tell(f"{number:>3}  {line}")
    while True:
        print("which one? ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:  # Ctrl-D
            streams.tell("")
            raise KeyboardInterrupt
        if answer.strip() in choices:
            return choices[answer.strip()]
        streams.tell(f"a number from 1 to {len(found)}; Ctrl-C leaves")


def _table(found: Sequence[FoundServer]) -> list[str]:
    """Return a line for each server: name, address, encryption, password."""
    rows = [
        (
            each.name,
            str(each.address),
            "TLS" if isinstance(each.address, TlsAddress) else "not encrypted",
            _PASSWORD[each.needs_password],
        )
        for each in found
    ]
    widths = [max(cells(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


_PASSWORD = {True: "needs a password", False: "no password", None: ""}


def _record(server: FoundServer) -> str:
    address = server.address
    return json_format.dumps(
        {
            "name": server.name,
            "address": str(address),
            "host": address.host,
            "port": address.port,
            "tls": isinstance(address, TlsAddress),
            "password": server.needs_password,
        }
    )


def _listens_here() -> bool:
    """Return whether something listens at the default address of this machine."""
    try:
        socket.create_connection((DEFAULT_HOST, DEFAULT_PORT), _PROBE).close()
    except OSError:
        return False
    return True


def _can_ask() -> bool:
    """Return whether a user at a terminal can read the question and answer it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
