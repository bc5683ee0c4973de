"""What can be typed, and what is made of it."""

import argparse
import os
import re
from collections.abc import Callable, Sequence

from chat_client.config import credentials
from chat_client.config.settings import Value
from chat_client.load.control.machine import cores
from chat_client.load.generator.stamp import STAMP_SIZE
from chat_client.load.model.load_errors import UsageError
from chat_client.load.model.verdict import Condition, parse_condition
from chat_client.load.model.workload import Load
from chat_client.transport.address import Address, TcpAddress, UnixAddress, parse_address
from chat_client.version import CLIENT
from protocol.errors import ProtocolError
from protocol.text import TEXT_LIMIT, normalize_nick, normalize_room

RATE = 100.0

_EPILOG = (
    "Conditions are such as 'p99<50ms', 'ok.p99.9<0.2s', 'lost=0', 'errors>0', 'rate<95'. "
    "`chat-load compare A.json B.json [--html FILE]` lays two runs side by side. "
    "Exit codes: 0 passed; 1 a check or a threshold failed; 2 wrong use, or no server; "
    "130 Ctrl-C or q."
)


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was typed: the options, with `address` (None for a server of one's own),
    `load`, `expect`, `fail_if`, `limit` and `password` made of them.

    Args:
        arguments: the command line without the program's name; sys.argv's if it is None.

    Raises:
        UsageError: a value cannot be.
        SettingError: the file with the password cannot be read.
        AddressError: the address is none.
        SystemExit: argparse's way to say the same, and to show the help.
    """
    options = _parser().parse_args(arguments)
    options.address = _address(options)
    options.load = _load(options)
    options.expect = [parse_condition(text) for text in options.expect]
    options.fail_if = [parse_condition(text) for text in options.fail_if]
    options.limit = _limit(options)
    if options.address is None:
        options.password = None
    else:
        options.password = _password(options.password_file, options.address)
    return options


def read_comparison(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was typed behind `compare`."""
    parser = argparse.ArgumentParser(
        prog="chat-load compare", description="Lay two runs side by side."
    )
    parser.add_argument("a", metavar="A.json", help="a report that --json wrote")
    parser.add_argument("b", metavar="B.json", help="another one")
    parser.add_argument("--html", metavar="FILE", help="write the comparison as a page")
    return parser.parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat-load",
        description="Load a chat server with many clients, check every message, and judge it.",
        epilog=_EPILOG,
    )
    _add_load(parser.add_argument_group("load"))
    _add_reports(parser.add_argument_group("verdict and reports"))
    add = parser.add_argument
    add(
        "server",
        nargs="?",
        metavar="HOST[:PORT]",
        help=f"the server; tls://HOST for one with TLS (default: {TcpAddress()})",
    )
    add("--unix", metavar="PATH", help="the server's Unix socket, instead of HOST")
    add(
        "--own-server", action="store_true",
        help="without HOST: run a server for this test alone, with its data in a temporary folder",
    )  # fmt: skip
    add(
        "--keep-rooms", action="store_true",
        help="leave the rooms of the test on the server, with what was said",
    )  # fmt: skip
    add(
        "--password-file", metavar="FILE",
        help="the server's password is the first line of FILE (default: CHAT_PASSWORD has it)",
    )  # fmt: skip
    add("--version", action="version", version=CLIENT.replace("chat-client", "chat-load"))
    return parser


def _add_load(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    whole, share = _number(int, 1), _number(float, 0, 100)
    add("--clients", type=whole, default=100, metavar="N", help="(100)")
    add("--rooms", type=whole, default=1, metavar="R", help="that the clients share (1)")
    pace = group.add_mutually_exclusive_group()
    pace.add_argument(
        "--rate", type=_number(float, 0.01), metavar="MSGS/S",
        help=f"messages a second in all, due by the clock ({RATE:g})",
    )  # fmt: skip
    pace.add_argument(
        "--burst", action="store_true", help="as fast as it goes: the next when one is answered"
    )
    seconds = _number(float, 0, 86400)
    add(
        "--ramp", type=seconds, default=0.0, metavar="S", help="seconds for the clients to come (0)"
    )
    add("--warm-up", type=seconds, default=2.0, metavar="S", help="seconds that do not count (2)")
    add(
        "--duration", type=_number(float, 0.1, 86400), metavar="S",
        help="seconds that count (10; with --find-limit 5 each)",
    )  # fmt: skip
    add("--size", type=_sizes, default=(64, 64), metavar="BYTES|MIN-MAX", help="of a text (64)")
    add("--talkers", type=share, default=10.0, metavar="PERCENT", help="clients that talk (10)")
    add(
        "--churn", type=_number(float, 0), default=0.0, metavar="RATE",
        help="clients a second that lose their connection and come back (0)",
    )  # fmt: skip
    add(
        "--slow", type=share, default=0.0, metavar="PERCENT",
        help="clients that stop reading for seconds; checked, not timed (0)",
    )  # fmt: skip
    add(
        "--patience", type=seconds, default=10.0, metavar="S",
        help="seconds that the last replies and messages may take to come (10)",
    )  # fmt: skip
    add("--processes", type=whole, metavar="P", help=f"workers (the cores: {cores()})")
    add("--seed", type=_number(int, 0, 2**32 - 1), default=1, metavar="N", help="of chance (1)")
    add(
        "--nick-prefix", default="load", metavar="TEXT",
        help="what nicks and rooms begin with (load)",
    )  # fmt: skip


def _add_reports(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--expect", action="append", default=[], metavar="CONDITION",
        help="what must hold, such as 'p99<50ms', any number of times",
    )  # fmt: skip
    add(
        "--fail-if", action="append", default=[], metavar="CONDITION",
        help="what must not be, any number of times",
    )  # fmt: skip
    add("--find-limit", metavar="CONDITION", help="raise the rate until this breaks: 'p99<50ms'")
    add("--json", metavar="FILE", help="write the report, for `compare` and for programs")
    add("--csv", metavar="FILE", help="write the time series, a line a second")
    add("--html", metavar="FILE", help="write the report as a page")
    add("--no-live", action="store_true", help="lines instead of the picture")


def _number(
    kind: type[int] | type[float], least: float, most: float = 1e9
) -> Callable[[str], float]:
    """Return a reader of an option's value."""
    name = "a whole number" if kind is int else "a number"

    def read(text: str) -> float:
        # int() and float() alone would take "1_0", "nan" and the digits of every script.
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or ("." in text and kind is int):
            raise argparse.ArgumentTypeError(f"{text!r} is not {name}")
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not from {least:g} to {most:.10g}")
        return value

    return read


def _sizes(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither BYTES nor MIN-MAX")
    low, high = int(found[1]), int(found[2] or found[1])
    if not STAMP_SIZE <= low <= high <= TEXT_LIMIT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not from {STAMP_SIZE} to {TEXT_LIMIT}: the first {STAMP_SIZE} bytes of a "
            f"text say whose it is and when it was due, and a text has at most {TEXT_LIMIT}"
        )
    return low, high


def _address(options: argparse.Namespace) -> Address | None:
    if options.unix is None and options.server is None and options.own_server:
        return None
    if options.unix is None:
        return TcpAddress() if options.server is None else parse_address(options.server)
    if options.server is not None:
        raise UsageError("HOST and --unix were both given: leave one out")
    return UnixAddress(options.unix)


def _password(file: str | None, address: Address) -> str | None:
    """The server's password, from where the client has it, and never from the command line."""
    variable = "CHAT_PASSWORD_FILE"
    where = Value(os.environ.get(variable, ""), variable) if file is None else Value(file, "")
    return credentials.known(where, login=False, address=address).password


def _load(options: argparse.Namespace) -> Load:
    if options.rooms > options.clients:
        raise UsageError(
            f"--rooms {options.rooms} is more than --clients {options.clients}: a room needs a "
            "client"
        )
    _check_prefix(options.nick_prefix, options.clients)
    duration = options.duration or (5.0 if options.find_limit else 10.0)
    return Load(
        clients=options.clients,
        rooms=options.rooms,
        rate=None if options.burst else options.rate or RATE,
        ramp=options.ramp,
        warm_up=options.warm_up,
        duration=duration,
        shortest=options.size[0],
        longest=options.size[1],
        talkers=options.talkers,
        churn=options.churn,
        slow=options.slow,
        patience=options.patience,
        # More workers than clients would have nothing to do.
        processes=min(options.processes or cores(), options.clients),
        seed=options.seed,
        nick_prefix=options.nick_prefix,
    )


def _check_prefix(prefix: str, clients: int) -> None:
    try:
        # Behind it stands the number of the step of --find-limit, and the client's or room's.
        normalize_nick(f"{prefix}00x{clients}")
        normalize_room(f"{prefix}00x-{clients}")
    except ProtocolError as error:
        raise UsageError(f"--nick-prefix {prefix!r} cannot be: {error.text}") from None
    if prefix != prefix.lower():
        raise UsageError(f"--nick-prefix {prefix!r} cannot be: rooms are written in lower case")


def _limit(options: argparse.Namespace) -> Condition | None:
    if options.find_limit is None:
        return None
    if options.burst:
        raise UsageError("--find-limit raises the --rate, and --burst has none: leave one out")
    for name, given in (("--fail-if", options.fail_if), ("--expect", options.expect)):
        if given:
            raise UsageError(f"--find-limit has its own condition: leave {name} out")
    return parse_condition(options.find_limit)
