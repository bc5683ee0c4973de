"""`chat-client`: from the command line to a chat, and to an exit code.

0: all went well. 1: something was not said, or the server ended the chat. 2: wrong use, or the
server cannot be reached. 130: Ctrl-C.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import colorama

from chat_client.config import credentials, settings, streams
from chat_client.config.exit_codes import DONE, INTERRUPTED, NOT_LET_IN, NOT_SAID
from chat_client.config.settings import SETTINGS, Value
from chat_client.display import records
from chat_client.display.state.model import Bell
from chat_client.display.text import one_line
from chat_client.display.time_format import DEFAULT_FORMAT, Clock
from chat_client.errors import ChatError, Refused
from chat_client.files import user_files
from chat_client.files.osdep import is_null
from chat_client.session.hello import Credentials
from chat_client.transport.address import Address, TlsAddress, UnixAddress
from chat_client.transport.addresses import Addresses, parse_addresses
from chat_client.transport.trace import Trace
from chat_client.transport.trust import SYSTEM, Authorities, Pinned
from chat_client.ui import pipe
from chat_client.ui.tracing import SHOWN, mistaken_server, tracing
from chat_client.version import CLIENT
from protocol.common.descriptors import fill_standard_streams
from protocol.common.durations import parse_duration
from protocol.errors import Code

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_TAKE_ANYTHING = ("--say", "--nick", "--room")
"""Options whose value may begin with a dash."""


def main(arguments: list[str] | None = None) -> int:
    """Run the client and return the exit code.

    Args:
        arguments: the command line without the program's name; sys.argv's if it is None.
    """
    fill_standard_streams()
    try:
        code = _run(arguments)
    except SystemExit as end:  # argparse's, after --help and wrong use
        sys.exit(streams.flush(int(end.code or DONE)))
    return streams.flush(code)


def _run(arguments: list[str] | None) -> int:
    options = _read(arguments)
    if os.path.expanduser("~") == "~":  # a user with no home
        os.environ["HOME"] = "/"  # where nothing is theirs, and nothing has to be
    colorama.just_fix_windows_console()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        _take_any_text(stream)
    try:
        values = settings.read({name: getattr(options, name) for name in SETTINGS})
        if options.print_config:
            return DONE if streams.show(settings.shown(values)) else NOT_SAID
        if options.find:
            return _list_servers(options)
        servers = _servers(options, values)
        known = credentials.known(values["password_file"], options.login, servers)
        with tracing(options.trace) as trace:
            chat = partial(_chat, options, values, servers, trace)
            return credentials.with_password(chat, known, servers)
    except ChatError as error:
        streams.tell(f"chat-client: {one_line(str(error))}")
        return NOT_LET_IN
    except KeyboardInterrupt:
        return INTERRUPTED


def _read(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options. What is unknown is wrong use, and what may be meant is suggested."""
    parser = _parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    options, unknown = parser.parse_known_intermixed_args(list(_tied(given)))
    options.server = " ".join(options.server) if options.server else None
    for name, value in vars(options).items():
        if value == []:  # what argparse before 3.13 makes of it
            setattr(options, name, "--")
    if unknown:
        known = [f"--{name.replace('_', '-')}" for name in vars(options)]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1)
        hint = f". Did you mean {near[0]}?" if near else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if options.timeout is not None and not _is_plain(options):
        parser.error("--timeout is for pipes, --say and --listen: on a terminal, Ctrl-D leaves")
    if options.listen and options.say is not None:
        parser.error("--listen and --say were both given: leave one out")
    if options.server is None and mistaken_server(options.trace):
        parser.error(
            f"--trace took {options.trace!r} for its file: write the server first, or --trace=FILE"
        )
    if options.find and (options.server is not None or options.unix is not None):
        parser.error("--find looks for servers on all networks of this machine: leave HOST out")
    return options


def _tied(arguments: list[str]) -> Iterator[str]:
    """The arguments, with what is said tied to its option: it may begin with a dash itself."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            yield from (argument, *rest)
        elif argument in _TAKE_ANYTHING and (value := next(rest, None)) is not None:
            yield f"{argument}={value}"
        else:
            yield argument


def _chat(
    options: argparse.Namespace,
    values: Mapping[str, Value],
    servers: Addresses,
    trace: Trace | None,
    credentials: Credentials,
) -> int:
    nick, room = values["nick"].value or None, values["room"].value
    layout, zone = values["time_format"].value, values["time_zone"].value or None
    color = values["color"].value
    if options.say is not None:
        return pipe.say(servers, nick, room, credentials, options.say, options.timeout, trace)
    if _is_plain(options):
        utc = layout == DEFAULT_FORMAT and zone is None
        clock = Clock(records.RECORD_FORMAT, "UTC") if utc else Clock(layout, zone)
        record = records.as_json if options.json else records.plain(clock)
        colours = settings.colours(color) if _is_terminal(sys.stderr) else 0
        return pipe.run(
            servers,
            nick,
            room,
            credentials,
            record=record,
            json=options.json,
            colours=colours,
            listen=options.listen or (sys.stdin is not None and is_null(sys.stdin)),
            timeout=options.timeout,
            trace=trace,
        )
    beside = options.trace == SHOWN and _is_terminal(sys.stderr)
    return _chat_on_terminal(values, servers, credentials, trace, beside=beside)


def _is_plain(options: argparse.Namespace) -> bool:
    """Whether it is lines in and lines out, rather than a conversation on a terminal."""
    wanted = options.say is not None or options.json or options.listen
    return wanted or not _is_terminal(sys.stdin) or not _is_terminal(sys.stdout)


def _chat_on_terminal(
    values: Mapping[str, Value],
    servers: Addresses,
    credentials: Credentials,
    trace: Trace | None,
    *,
    beside: bool,
) -> int:
    # Only now: it takes longer to load than all the rest, and pipes do without it.
    from chat_client.ui import app, names

    nick, room = values["nick"].value, values["room"].value
    clock = Clock(values["time_format"].value, values["time_zone"].value or None)
    bell, color = cast(Bell, values["bell"].value), values["color"].value
    with user_files.open_session(str(servers), nick or None) as kept:
        nick = nick or kept.nick or names.own(servers, credentials, trace)
        while True:
            try:
                return app.run(
                    servers,
                    nick,
                    room,
                    credentials,
                    kept=kept,
                    color=color,
                    bell=bell,
                    clock=clock,
                    trace=trace,
                    beside=beside,
                )
            except Refused as error:
                if error.code != Code.NICK_IN_USE or credentials.account_password is not None:
                    raise
                nick = names.another(error, servers, nick, credentials, trace)


class _Parser(argparse.ArgumentParser):
    """A parser that does not pass over it when what it prints cannot be written."""

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        if file is sys.stderr:
            streams.tell(message.rstrip("\n"))
        elif message and not streams.show(message.rstrip("\n")):
            sys.exit(NOT_SAID)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="chat-client",
        description="Talk in a chat room. On a terminal, /help shows what can be typed; without "
        "one, each line of the input is said and what is said is printed.",
        epilog="Most options can also be set by a variable, such as CHAT_NICK or CHAT_TIME_FORMAT, "
        "or in a file: --print-config names it, and shows which. Exit codes: 0 done; 1 something "
        "was not said, or the server ended the chat; 2 "
        "wrong use, or the server could not be reached or does not let you in.",
        allow_abbrev=False,
    )
    _add_server(parser)
    _add_person(parser)
    _add_connection(parser)
    _add_task(parser)
    _add_looks(parser)
    parser.add_argument(
        "--print-config", action="store_true", help="print what is set, and where, and leave"
    )
    parser.add_argument("--version", action="version", version=CLIENT)
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options for where to go."""
    parser.add_argument(
        "server",
        nargs="*",
        metavar="HOST[:PORT]",
        help="the server; an IPv6 address with a port is [ADDRESS]:PORT; HOST,HOST are servers of "
        "one chat, of which the next is tried when one is gone (default: the one that "
        "answers on this machine or its networks; of several, one chooses)",
    )
    parser.add_argument(
        "--find", action="store_true", help="list the servers that answer, and leave"
    )


def _add_person(parser: argparse.ArgumentParser) -> None:
    """Add the options for who comes in."""
    parser.add_argument(
        "--nick",
        metavar="N",
        help="who to be (default: who you said to be, on a terminal; else your "
        "login name, or that and a number)",
    )
    parser.add_argument("--room", metavar="R", help="the room to enter (default: lobby)")
    parser.add_argument(
        "--login",
        action="store_true",
        help="ask for the password of the account that owns the "
        "nick, unless CHAT_ACCOUNT_PASSWORD has it",
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="the server's password is the first line of FILE "
        "(default: CHAT_PASSWORD has it; or it is asked for)",
    )


def _add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the options for how the server is reached."""
    parser.add_argument(
        "--tls",
        action="store_const",
        const="on",
        help="encrypt what is said; a server's "
        "certificate is trusted when it is first seen, and must be the same from then on",
    )
    parser.add_argument(
        "--fingerprint",
        metavar="HEX",
        help="encrypt, and trust the certificate with this SHA-256; HEX,HEX for several servers",
    )
    parser.add_argument(
        "--ca",
        metavar="FILE",
        help="encrypt, and trust certificates that the authorities in this "
        f"file vouch for, or those of the system: {SYSTEM!r}",
    )
    parser.add_argument("--unix", metavar="PATH", help="the server's Unix socket, instead of HOST")


def _add_task(parser: argparse.ArgumentParser) -> None:
    """Add the options for what to do there, and what to print of it."""
    parser.add_argument("--say", metavar="TEXT", help="say one thing and leave")
    parser.add_argument(
        "--listen",
        action="store_true",
        help="print what is said until Ctrl-C, and read no input; so it is with </dev/null",
    )
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        type=_seconds,
        help="leave after so long, such as 30s or 10m: "
        "with 0 if all that was read was said, else with 1; in pipes, and with --listen and --say "
        f"(which gives up after {pipe.SAY_LIMIT:g}s by itself)",
    )
    parser.add_argument(
        "--trace",
        nargs="?",
        const=SHOWN,
        metavar="FILE",
        help="show each frame in both directions, with passwords masked: in the chat, or on "
        "stderr; or keep them in FILE, which `chat-lab replay FILE` plays back",
    )
    parser.add_argument("--json", action="store_true", help="print each event as a line of JSON")


def _add_looks(parser: argparse.ArgumentParser) -> None:
    """Add the options for how a terminal shows it."""
    parser.add_argument("--color", metavar="WHEN", help="auto (default), always or never")
    parser.add_argument(
        "--bell",
        metavar="WHEN",
        help="ring on your name and direct messages (on, default), off, or all",
    )
    parser.add_argument("--no-bell", action="store_const", const="off", dest="bell")
    parser.add_argument(
        "--time-format",
        metavar="F",
        help=f"how to show times, '' for not at all (default: {DEFAULT_FORMAT.replace('%', '%%')})",
    )
    parser.add_argument("--time-zone", metavar="Z", help="such as UTC (default: this machine's)")


def _seconds(text: str) -> float:
    """What a time limit is: a duration, or a number of seconds."""
    try:
        return parse_duration(text, bare=True)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _servers(options: argparse.Namespace, values: Mapping[str, Value]) -> Addresses:
    if options.unix is None:
        server = values["server"].value
        return _secured(
            parse_addresses(server) if server else Addresses([_choose_server()]), values
        )
    if options.server is not None:
        raise ChatError("HOST and --unix were both given: leave one out")
    return Addresses([UnixAddress(options.unix)])


# The search is loaded only for who has no address.


def _choose_server() -> Address:
    from chat_client.ui import find

    return find.choose()


def _list_servers(options: argparse.Namespace) -> int:
    from chat_client.ui import find

    return find.show(json=options.json)


def _secured(servers: Addresses, values: Mapping[str, Value]) -> Addresses:
    """The addresses, with TLS if anything asks for it."""
    pins = values["fingerprint"].value.split(",") if values["fingerprint"].value else [""]
    if len(pins) == 1:
        pins *= len(servers)
    if len(pins) != len(servers):
        raise ChatError(
            f"there are {len(pins)} fingerprints for {len(servers)} servers: give one for all, or "
            "one for each, in the same order"
        )
    return Addresses(_secured_one(*each, values) for each in zip(servers, pins, strict=True))


def _secured_one(address: Address, pin: str, values: Mapping[str, Value]) -> Address:
    """The address, with TLS if anything asks for it; a Unix socket has nobody to fear."""
    ca = values["ca"].value
    wanted = values["tls"].value == "on" or pin or ca or isinstance(address, TlsAddress)
    if not wanted or isinstance(address, UnixAddress):
        return address
    if pin:
        return TlsAddress(address.host, address.port, Pinned(pin))
    if ca:
        file = None if ca == SYSTEM else Path(ca)
        return TlsAddress(address.host, address.port, Authorities(file))
    return TlsAddress(address.host, address.port)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _take_any_text(stream: TextIO | None) -> None:
    """Let a stream take or show "?" for what its encoding lacks, rather than fail."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")
