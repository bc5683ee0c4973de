"""`chat-client`: from the command line to a chat, and to an exit code.

0: all went well. 1: something was not said, or the server ended the chat. 2: wrong use, or the
server cannot be reached. 130: Ctrl-C.
"""

import argparse
import sys
from typing import TextIO

import colorama

from chat_client import plain
from chat_client.address import Address, TcpAddress, UnixAddress, parse_address
from chat_client.errors import ChatError
from chat_client.lines import one_line
from chat_client.version import CLIENT
from protocol.errors import ProtocolError
from protocol.text import normalize_nick, normalize_room

WRONG_USE = 2
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the client and return the exit code.

    Args:
        arguments: the command line without the program's name; sys.argv's if it is None.
    """
    options = _parser().parse_args(arguments)
    colorama.just_fix_windows_console()
    for stream in (sys.stdout, sys.stderr):
        _take_any_text(stream)
    try:
        address = _address(options)
        nick = None if options.nick is None else normalize_nick(options.nick)
        room = normalize_room(options.room)
        if not _is_terminal(sys.stdin) or not _is_terminal(sys.stdout):
            return plain.run(address, nick, room)
        # Only now: it takes longer to load than all the rest, and pipes do without it.
        from chat_client import terminal

        return terminal.run(address, nick, room)
    except ProtocolError as error:
        return _fail(error.text)
    except ChatError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat-client",
        description="Talk in a chat room. On a terminal, /help shows what can be typed; without "
        "one, each line of the input is said and what is said is printed.",
        epilog="Exit codes: 0 done; 1 something was not said, or the server ended the chat; "
        "2 wrong use, or no server.",
    )
    parser.add_argument(
        "server",
        nargs="?",
        metavar="HOST[:PORT]",
        help=f"the server; an IPv6 address with a port is [ADDRESS]:PORT (default: {TcpAddress()})",
    )
    parser.add_argument(
        "--nick", metavar="N", help="who to be (default: your login name, or that and a number)"
    )
    parser.add_argument(
        "--room", metavar="R", default="lobby", help="the room to enter (default: %(default)s)"
    )
    parser.add_argument("--unix", metavar="PATH", help="the server's Unix socket, instead of HOST")
    parser.add_argument("--version", action="version", version=CLIENT)
    return parser


def _address(options: argparse.Namespace) -> Address:
    if options.unix is None:
        return TcpAddress() if options.server is None else parse_address(options.server)
    if options.server is not None:
        raise ChatError("HOST and --unix were both given: leave one out")
    return UnixAddress(options.unix)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _take_any_text(stream: TextIO | None) -> None:
    """Let a stream show "?" for what its encoding lacks, rather than fail."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")


def _fail(text: str) -> int:
    print(f"chat-client: {one_line(text)}", file=sys.stderr)
    return WRONG_USE
