"""The options of `chat-load`: how the command line is read and checked.

An option of the workload takes its default from `model/workload.py`, under the same name.
"""

import argparse
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chat_client.config import credentials
from chat_client.config.settings import Value
from chat_client.load.control.machine import cores
from chat_client.load.generator.stamp import STAMP_SIZE
from chat_client.load.model.load_errors import UsageError
from chat_client.load.model.verdict import Condition, parse_condition
from chat_client.load.model.workload import Load
from chat_client.transport.address import TcpAddress, UnixAddress
from chat_client.transport.addresses import Addresses, parse_addresses
from chat_client.version import CLIENT
from protocol.errors import ProtocolError
from protocol.text import TEXT_LIMIT, normalize_nick, normalize_room

DEFAULTS = Load()
"""The workload of a command line without options."""

LIMIT_DURATION = 5.0
"""Seconds that each run of `--find-limit` is measured, unless `--duration` is given."""

LONGEST_TIME = 86400.0
"""Seconds that an option may be at most: a day."""

_FIELDS = frozenset(Load.__struct_fields__)
"""The fields of `Load`."""

_EPILOG = (
    "Conditions are such as 'p99<50ms', 'ok.p99.9<0.2s', 'lost=0', 'errors>0', 'rate<95'. "
    "`chat-load compare A.json B.json [--html FILE]` lays two runs side by side. "
    "Exit codes: 0 passed; 1 a check or a threshold failed; 2 wrong use, or no server; "
    "130 Ctrl-C or q."
)


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options, checked.

    Besides what was typed, they have `address` (None with --own-server), `load` (a `Load`),
    `expect` and `fail_if` (lists of conditions), `limit` (a condition or None) and `password`.

    Args:
        arguments: the command line without the program's name; sys.argv's if it is None.

    Raises:
        UsageError: a value is not allowed.
        SettingError: the file with the password cannot be read.
        AddressError: the address is not one.
        SystemExit: argparse found the mistake, or has shown the help.
    """
    options = _parser().parse_args(arguments)
    options.servers = _servers(options)
    options.load = _load(options)
    options.expect = [parse_condition(text) for text in options.expect]
    options.fail_if = [parse_condition(text) for text in options.fail_if]
    options.limit = _limit(options)
    if options.servers is None:
        options.password = None
    else:
        options.password = _password(options.password_file, options.servers)
    return options


def read_comparison(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of `chat-load compare`: `a`, `b` and `html`."""
    parser = argparse.ArgumentParser(
        prog="chat-load compare", description="Lay two runs side by side."
    )
    parser.add_argument("a", metavar="A.json", help="a report that --json wrote")
    parser.add_argument("b", metavar="B.json", help="another report")
    parser.add_argument("--html", metavar="FILE", help="write the comparison as a page")
    return parser.parse_args(arguments)


# -- the options --------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat-load",
        description="Load a chat server with many clients, check every message, and judge it.",
        epilog=_EPILOG,
    )
    _add_load(parser.add_argument_group("load"))
    _add_disturbances(parser.add_argument_group("disturbances"))
    _add_generator(parser.add_argument_group("load generator"))
    _add_reports(parser.add_argument_group("verdict and reports"))
    _add_server(parser)
    parser.add_argument(
        "--version", action="version", version=CLIENT.replace("chat-client", "chat-load")
    )
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    server = (
        "the server; tls://HOST for one with TLS; HOST,HOST for several that share their rooms: "
        f"the clients are spread over them (default: {TcpAddress()})"
    )
    add("server", nargs="?", metavar="HOST[:PORT]", help=server)
    add("--unix", metavar="PATH", help="the server's Unix socket, instead of HOST")
    own_server = "without HOST: start a server for this test, with its data in a temporary folder"
    add("--own-server", action="store_true", help=own_server)
    keep_rooms = "leave the rooms of the test and their messages on the server"
    add("--keep-rooms", action="store_true", help=keep_rooms)
    password = "the first line of FILE is the server's password (default: CHAT_PASSWORD)"
    add("--password-file", metavar="FILE", help=password)


def _add_load(group: argparse._ArgumentGroup) -> None:
    clients = "how many clients connect (%(default)s)"
    rooms = "how many rooms they share (%(default)s)"
    _add(group, "clients", _number(int, 1), "N", clients)
    _add(group, "rooms", _number(int, 1), "R", rooms)
    pace = group.add_mutually_exclusive_group()
    rate = "messages a second in all, due by the clock (%(default)g)"
    _add(pace, "rate", _number(float, 0.01), "MSGS/S", rate)
    burst = "no rate: each talker sends the next message when one is answered"
    pace.add_argument("--burst", action="store_true", help=burst)
    ramp = "seconds over which the clients connect (%(default)g)"
    warm_up = "seconds of load that are not measured (%(default)g)"
    duration = (
        f"seconds that are measured ({DEFAULTS.duration:g}; with --find-limit "
        f"{LIMIT_DURATION:g} for each run)"
    )
    _add(group, "ramp", _seconds(), "S", ramp)
    _add(group, "warm_up", _seconds(), "S", warm_up)
    # None tells that it was not given: what stands for it depends on --find-limit.
    group.add_argument("--duration", type=_seconds(0.1), metavar="S", help=duration)
    size = DEFAULTS.shortest, DEFAULTS.longest
    text = f"bytes of each text, or from MIN to MAX ({_size_text(*size)})"
    group.add_argument("--size", type=_sizes, default=size, metavar="BYTES|MIN-MAX", help=text)
    talkers = "percent of the clients that talk (%(default)g)"
    _add(group, "talkers", _percent(), "PERCENT", talkers)


def _add_disturbances(group: argparse._ArgumentGroup) -> None:
    churn = "how many clients a second lose their connection and come back (%(default)g)"
    slow = "percent of the clients that stop reading for seconds; not timed (%(default)g)"
    _add(group, "churn", _number(float, 0), "RATE", churn)
    _add(group, "slow", _percent(), "PERCENT", slow)


def _add_generator(group: argparse._ArgumentGroup) -> None:
    patience = "seconds to wait for the last replies, and for the last messages (%(default)g)"
    _add(group, "patience", _seconds(), "S", patience)
    processes = f"worker processes (one for each core: {cores()})"
    # None tells that it was not given: the default depends on the machine.
    group.add_argument("--processes", type=_number(int, 1), metavar="P", help=processes)
    _add(group, "seed", _number(int, 0, 2**32 - 1), "N", "of everything random (%(default)s)")
    prefix = "what nicks and rooms begin with (%(default)s)"
    _add(group, "nick_prefix", str, "TEXT", prefix)


def _add_reports(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    expect = "a condition that must hold, such as 'p99<50ms'; any number of times"
    add("--expect", action="append", default=[], metavar="CONDITION", help=expect)
    fail_if = "a condition that must not hold; any number of times"
    add("--fail-if", action="append", default=[], metavar="CONDITION", help=fail_if)
    limit = "raise the rate until this condition breaks, such as 'p99<50ms'"
    add("--find-limit", metavar="CONDITION", help=limit)
    add("--json", metavar="FILE", help="write the report, for `compare` and for programs")
    add("--csv", metavar="FILE", help="write the time series, one line a second")
    add("--html", metavar="FILE", help="write the report as a page")
    add("--no-live", action="store_true", help="print a line a second instead of the live view")


def _add(
    group: argparse._ActionsContainer,
    field: str,
    kind: Callable[[str], Any],
    metavar: str,
    help_text: str,
) -> None:
    """Add an option of the workload: its name and its default are those of the field of `Load`."""
    group.add_argument(
        f"--{field.replace('_', '-')}",
        type=kind,
        default=getattr(DEFAULTS, field),
        metavar=metavar,
        help=help_text,
    )


# -- how values are read ------------------------------------------------------------------------


def _number(
    kind: type[int] | type[float], least: float, most: float = 1e9
) -> Callable[[str], float]:
    """Return a function that reads a number from `least` to `most`."""
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


def _seconds(least: float = 0) -> Callable[[str], float]:
    return _number(float, least, LONGEST_TIME)


def _percent() -> Callable[[str], float]:
    return _number(float, 0, 100)


def _sizes(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither BYTES nor MIN-MAX")
    low, high = int(found[1]), int(found[2] or found[1])
    if not STAMP_SIZE <= low <= high <= TEXT_LIMIT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not from {STAMP_SIZE} to {TEXT_LIMIT}: a text begins with a stamp of "
            f"{STAMP_SIZE} bytes, and the protocol allows {TEXT_LIMIT}"
        )
    return low, high


def _size_text(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


# -- what is made of them -----------------------------------------------------------------------


def _servers(options: argparse.Namespace) -> Addresses | None:
    if options.unix is None and options.server is None and options.own_server:
        return None
    if options.unix is None:
        return (
            Addresses([TcpAddress()]) if options.server is None else parse_addresses(options.server)
        )
    if options.server is not None:
        raise UsageError("HOST and --unix were both given: leave one out")
    return Addresses([UnixAddress(options.unix)])


def _password(file: str | None, servers: Addresses) -> str | None:
    """Find the server's password where the client does. It is never on the command line."""
    variable = "CHAT_PASSWORD_FILE"
    named = os.environ.get(variable) if file is None else file
    where = Value(Path(named) if named else None, variable if file is None else "--password-file")
    return credentials.known(where, login=False, servers=servers).password


def _load(options: argparse.Namespace) -> Load:
    """Make the workload. An option that has the name of a field is that field."""
    if options.rooms > options.clients:
        raise UsageError(
            f"--rooms {options.rooms} is more than --clients {options.clients}: a room needs a "
            "client"
        )
    _check_prefix(options.nick_prefix, options.clients)
    given = {name: value for name, value in vars(options).items() if name in _FIELDS}
    given["shortest"], given["longest"] = options.size
    # A worker without clients would have nothing to do.
    given["processes"] = min(options.processes or cores(), options.clients)
    if options.duration is None:
        given["duration"] = LIMIT_DURATION if options.find_limit else DEFAULTS.duration
    if options.burst:
        given["rate"] = None
    return Load(**given)


def _check_prefix(prefix: str, clients: int) -> None:
    try:
        # --find-limit adds the number of the run, and each nick and room its own number.
        normalize_nick(f"{prefix}00x{clients}")
        normalize_room(f"{prefix}00x-{clients}")
    except ProtocolError as error:
        raise UsageError(f"--nick-prefix {prefix!r} is not allowed: {error.text}") from None
    if prefix != prefix.lower():
        raise UsageError(f"--nick-prefix {prefix!r} is not allowed: write it in lower case")


def _limit(options: argparse.Namespace) -> Condition | None:
    if options.find_limit is None:
        return None
    if options.burst:
        raise UsageError("--find-limit raises the --rate, and --burst has none: leave one out")
    for name, given in (("--fail-if", options.fail_if), ("--expect", options.expect)):
        if given:
            raise UsageError(f"--find-limit has its own condition: leave {name} out")
    return parse_condition(options.find_limit)
