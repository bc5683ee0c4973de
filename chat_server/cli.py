"""`chat-server`: from the command line to a running server, and to its end."""

import argparse
import os
import signal
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

from chat_server import logs
from chat_server.addresses import Address, lan_addresses
from chat_server.errors import StartError
from chat_server.server import Server
from chat_server.settings import DEFAULT_PORT, Settings, default_data_folder
from chat_server.version import SERVER

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

WRONG_USE = 2

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0}

# Seconds after which a thread that waits for the interpreter asks the one that runs to let go. All
# who wait do so again and again: with 9,000 clients that leave at once and the usual 5 ms this took
# both cores 40 s, with 100 ms it takes 2.5 s. Deliveries do not notice: who sends lets go anyway.
SWITCH_INTERVAL = 0.1


def main(arguments: list[str] | None = None) -> int:
    """Run a server until a signal ends it.

    Returns the exit code: 0 after SIGINT or SIGTERM, 2 if it could not start as it was asked to.
    """
    options = _parser().parse_args(arguments)
    logs.set_up(options.log_level, sys.stderr)
    sys.setswitchinterval(SWITCH_INTERVAL)
    _allow_descriptors()
    server = Server(_settings(options))
    stop_asked = _watch_signals()
    try:
        server.start()
    except StartError as error:
        print(f"chat-server: {error}", file=sys.stderr)
        return WRONG_USE
    _greet(server.addresses)
    stop_asked.wait()
    server.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat-server",
        description="Host chat rooms for everybody on this network.",
        epilog="Ctrl-C stops it: what was said is kept, and there again the next time.",
    )
    parser.add_argument(
        "--host",
        action="append",
        dest="hosts",
        metavar="HOST",
        help="an address or name to listen on, any number of times; '' is every IPv4 interface "
        "(the default), '::' every interface",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help="0 to 65535; 0 picks a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--unix", type=Path, metavar="PATH", help="a Unix socket to listen on as well"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=default_data_folder(),
        metavar="DIR",
        help="the folder that the history is kept in (default: %(default)s)",
    )
    parser.add_argument(
        "--sync",
        choices=("normal", "full"),
        default="normal",
        help="'full' waits for the disk, so that what was confirmed survives a power cut as well "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--keep",
        type=_keep,
        action="append",
        default=[],
        metavar="AGE|COUNT",
        help="what is kept of each room: 30d, 12h or 45m, or so many messages; both may be given "
        "(default: everything)",
    )
    parser.add_argument("--motd", default="", metavar="TEXT", help="what all who come in are told")
    parser.add_argument(
        "--lab",
        action="store_true",
        help="for a load test: no limit on requests a second and on connections per address",
    )
    parser.add_argument("--log-level", choices=logs.LEVELS, default="info")
    parser.add_argument("--version", action="version", version=SERVER)
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _keep(text: str) -> dict[str, float | int]:
    """What --keep says, as settings."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "")
    if not number.isascii() or not number.isdigit() or int(number) == 0:
        raise argparse.ArgumentTypeError(
            f"what is kept is an age such as 30d, 12h or 45m, or a number of messages, not {text!r}"
        )
    return {"keep_seconds": int(number) * _UNITS[unit]} if unit else {"keep_messages": int(number)}


def _settings(options: argparse.Namespace) -> Settings:
    settings = Settings(
        hosts=tuple(options.hosts) if options.hosts else ("",),
        port=options.port,
        unix=options.unix,
        data=options.data,
        motd=options.motd,
        sync=options.sync,
    )
    for keep in options.keep:
        settings = replace(settings, **keep)
    return settings.for_lab() if options.lab else settings


def _allow_descriptors() -> None:
    """Raise the limit on open descriptors, one a connection, as far as this user may."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _watch_signals() -> threading.Event:
    """Return an event that the first SIGINT or SIGTERM sets; the second ends the process.

    A thread learns of them from the descriptor that the interpreter writes them to: a handler
    runs only when the main thread does, and that one may sleep in a lock.
    """
    stop_asked = threading.Event()
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def watch() -> None:
        with reader, writer:
            reader.recv(1)
            stop_asked.set()
            (signum,) = reader.recv(1)
            os._exit(128 + signum)  # the store survives that

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    signal.set_wakeup_fd(writer.fileno())
    threading.Thread(target=watch, name="signals", daemon=True).start()
    return stop_asked


def _greet(addresses: list[Address]) -> None:
    """Say that clients can connect, and how."""
    listening = [f"listening on {address}" for address in addresses]
    try:
        print("\n".join([*listening, *_invitation(addresses)]), flush=True)
    except BrokenPipeError:  # nobody wants to know, as with `| head -1`; the room goes on
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _invitation(addresses: list[Address]) -> list[str]:
    """How a person joins: from this machine, and from another where that is possible."""
    lines = [
        f"to join from this machine:  chat-client --unix {address.path}"
        for address in addresses
        if address.path
    ]
    for address in addresses:
        if address.path:
            continue
        if address.host not in ("0.0.0.0", "::"):
            lines.append(f"to join:  chat-client {address.authority}")
            continue
        here = Address("127.0.0.1", address.port)
        lines.append(f"to join from this machine:  chat-client {here.authority}")
        lines += [
            f"to join from the network:   chat-client {Address(host, address.port).authority}"
            for host in lan_addresses()
        ]
    return lines
