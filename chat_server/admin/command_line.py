"""`chat-server admin`: the command line, and the exit code.

Exit codes: 0 done; 1 it could not be done, with a sentence on stderr that says why; 2 wrong use.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from chat_server.admin import commands, costs
from chat_server.admin.classes import presence_report
from chat_server.admin.moments import FORMS
from chat_server.admin.reports import audit_report, poll_report, transcripts
from chat_server.runtime.config import config_loader
from chat_server.runtime.errors import AdminError, SettingError
from protocol.common.durations import parse_duration

FAILED = 1
"""The exit code of a command that could not be done."""

DEFAULT_GRACE = 300.0
"""Seconds that somebody may come after the beginning of a lesson, or leave before its end."""

DEFAULT_GAP = 60.0
"""Seconds within which somebody who left and came back has not been away."""

_WHO = "a nick, an @account, an address or a network"

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: list[str]) -> int:
    """Do one command. Return the exit code."""
    options = parser().parse_args(arguments)
    try:
        options.data = _data_folder(options)
        options.run(options)
        sys.stdout.flush()
    except AdminError as error:
        print(f"chat-server admin: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # nobody wants to read on, as with `| head`
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        print(f"chat-server admin: stdout cannot be written: {error.strerror}", file=sys.stderr)
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(
        prog="chat-server admin",
        description="See what goes on in a server on this machine, and look after what it keeps.",
    )
    listed = made.add_subparsers(metavar="COMMAND", required=True)
    _add_looks(listed)
    _add_acts(listed)
    _add_order(listed)
    _add_backup(listed)
    _add_records(listed)
    _add_classes(listed)
    text = "show the secret for whoever is to be in charge"
    secret = _add(listed, "owner-secret", commands.show_owner_secret, text, json=True)
    secret.add_argument(
        "--new", action="store_true", help="make a new one; the one before is of no use then"
    )
    return made


def _add_looks(listed: Commands) -> None:
    """Add what shows a running server."""
    _add(listed, "status", commands.status, "how the server is", json=True)
    text = "which servers share the Redis that keeps the logs"
    _add(listed, "servers", commands.servers, text, json=True)
    clients = _add(listed, "clients", commands.clients, "who is connected", json=True)
    clients.add_argument("--room", help="only who is in this room")
    _add(listed, "rooms", commands.rooms, "which rooms there are", json=True)
    top = _add(listed, "top", commands.top, "who costs what, the dearest first", json=True)
    top.add_argument("--by", choices=("client", "address"), default="client")
    top.add_argument("--sort", choices=costs.SORTS, default="requests", help="default: requests")
    top.add_argument("--count", type=_count, default=20, metavar="N", help="lines (default: 20)")
    top.add_argument(
        "--watch",
        type=_duration,
        metavar="SECONDS",
        help="look again after so many seconds, and show what each costs a second; Ctrl-C ends it",
    )


def _add_acts(listed: Commands) -> None:
    """Add what a running server is asked to do."""
    kick = _add(listed, "kick", commands.kick, "end somebody's connection", json=True)
    kick.add_argument("who", metavar="WHO", help=_WHO)
    kick.add_argument("reason", metavar="REASON", nargs="?", help="a line that all are told")
    text = "say something as a notice to everybody"
    announce = _add(listed, "announce", commands.announce, text, json=True)
    announce.add_argument("text", metavar="TEXT")
    announce.add_argument("--room", help="only in this room")
    text = "free a nick whose owner has forgotten the password"
    account = _add(listed, "remove-account", commands.remove_account, text, json=True)
    account.add_argument("name", metavar="NAME", help="the nick that was registered")
    text = "forget a room in which nobody is, with all that is kept of it"
    room = _add(listed, "remove-room", commands.remove_room, text, json=True)
    room.add_argument("room", metavar="ROOM")


def _add_order(listed: Commands) -> None:
    """Add what moderators do, too."""
    ban = _add(listed, "ban", commands.ban, "let somebody in no more", json=True)
    ban.add_argument(
        "--address", action="store_true", help="nor anybody from the address that this nick has"
    )
    mute = _add(listed, "mute", commands.mute, "let somebody listen only", json=True)
    for each in (ban, mute):
        each.add_argument("who", metavar="WHO", help=_WHO)
        each.add_argument("reason", metavar="REASON", nargs="?", help="a line that they are told")
        _add_end(each)
    unban = _add(listed, "unban", commands.unban, "let somebody in again", json=True)
    unmute = _add(listed, "unmute", commands.unmute, "let somebody talk again", json=True)
    for each in (unban, unmute):
        each.add_argument("who", metavar="WHO", help=_WHO)
    text = "let only moderators talk, in all rooms or in one"
    freeze = _add(listed, "freeze", commands.freeze, text, json=True)
    freeze.add_argument(
        "--but",
        dest="speakers",
        metavar="NICK",
        action="append",
        default=[],
        help="this one may talk, too; any number of times",
    )
    _add_end(freeze)
    unfreeze = _add(listed, "unfreeze", commands.unfreeze, "let everybody talk again", json=True)
    for each in (freeze, unfreeze):
        each.add_argument("--room", help="only in this room")


def _add_end(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for",
        dest="seconds",
        type=_duration,
        metavar="TIME",
        help="how long it holds, such as 10m or 2h (default: until somebody ends it)",
    )


def _add_backup(listed: Commands) -> None:
    text = "copy what is kept, while the server runs or not"
    backup = _add(listed, "backup", commands.backup, text, json=True)
    backup.add_argument(
        "target",
        type=Path,
        metavar="DIR|FILE",
        help="a folder to be made, which `chat-server --data DIR` can be started with; or a file, "
        "if the name ends in .tar, .tar.gz or .tgz",
    )
    backup.add_argument("--force", action="store_true", help="replace an earlier copy")
    text = "copy the messages and sessions of a stopped server to Redis, or back"
    migrate = _add(listed, "migrate", commands.migrate, text, json=True)
    way = migrate.add_mutually_exclusive_group(required=True)
    way.add_argument("--to", metavar="URL", help="from the data folder to this Redis")
    way.add_argument(
        "--from", dest="from_", metavar="URL", help="from this Redis to a data folder without any"
    )


def _add_records(listed: Commands) -> None:
    """Add what reads the files, beside a running server or without one."""
    export = _add(listed, "export", commands.export, "a transcript of a room")
    export.add_argument("--room", required=True)
    _add_window(export)
    _add_output(export, list(transcripts.TRANSCRIPTS), "txt")
    polls = _add(listed, "polls", commands.polls, "the results of a room's polls")
    polls.add_argument("--room", required=True)
    _add_window(polls)
    _add_output(polls, list(poll_report.FORMATS), "txt")
    text = "who was in a room from when to when"
    attendance = _add(listed, "attendance", commands.attendance, text)
    attendance.add_argument("--room", required=True)
    _add_window(attendance)
    attendance.add_argument(
        "--gap",
        type=_gap,
        default=DEFAULT_GAP,
        metavar="TIME",
        help="who comes back within this time has not been away (default: 60s)",
    )
    _add_persons(attendance)
    _add_output(attendance, list(presence_report.FORMATS), "txt")
    audit = _add(listed, "audit", commands.audit, "what was done by who is in charge")
    _add_window(audit)
    audit.add_argument(
        "--with-text",
        action="store_true",
        help="with what a message said that was edited or deleted, as long as it is kept",
    )
    _add_output(audit, list(audit_report.AUDITS), "txt")


def _add_persons(attendance: argparse.ArgumentParser) -> None:
    """Add how the attendance is compared with a class list."""
    attendance.add_argument(
        "--by",
        choices=("stay", "person"),
        default="stay",
        help="a line for each stay, or for each person of the class list (default: stay)",
    )
    attendance.add_argument("--class", dest="group", metavar="CLASS", help="only this class")
    attendance.add_argument("--begin", metavar="WHEN", help="when the lesson began")
    attendance.add_argument("--end", metavar="WHEN", help="when the lesson ended")
    attendance.add_argument(
        "--grace",
        type=_gap,
        default=DEFAULT_GRACE,
        metavar="TIME",
        help="who comes, or leaves, within this time of that is in time (default: 5m)",
    )


def _add_classes(listed: Commands) -> None:
    """Add what a class list is looked after with."""
    made = listed.add_parser(
        "class",
        help="the class lists: reserve nicks, and hand out PINs",
        description="The class lists: reserve nicks, and hand out PINs.",
    )
    acts = made.add_subparsers(metavar="COMMAND", required=True)
    text = "reserve the nick of each person, and write a sheet with their PINs"
    add = _add(acts, "add", commands.class_add, text, json=True)
    add.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="CSV, a line for each: name, nick, and a PIN of 8 characters or more, or none",
    )
    add.add_argument("--class", dest="group", metavar="CLASS", help="default: FILE without its end")
    add.add_argument(
        "--page", metavar="URL", help="where the page is (default: as the server says)"
    )
    add.add_argument(
        "-o", "--output", type=Path, metavar="SHEET", help="default: FILE-pins.html, in this folder"
    )
    add.add_argument("--force", action="store_true", help="replace the sheet if it is there")
    shown = _add(acts, "list", commands.class_list, "who is on the lists", json=True)
    shown.add_argument("group", metavar="CLASS", nargs="?")
    text = "forget a class, or one person on it, with the accounts that were made for them"
    remove = _add(acts, "remove", commands.class_remove, text, json=True)
    remove.add_argument("group", metavar="CLASS")
    remove.add_argument("nick", metavar="NICK", nargs="?")


def _add(
    listed: Commands,
    name: str,
    run: Callable[[argparse.Namespace], None],
    text: str,
    *,
    json: bool = False,
) -> argparse.ArgumentParser:
    parser = listed.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(run=run)
    parser.add_argument(
        "--data", metavar="DIR", help="the server's data folder (default: as for the server)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the server's settings")
    if json:
        parser.add_argument("--json", action="store_true", help="for programs: JSON")
    return parser


def _add_window(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="WHEN", help=f"from then on: {FORMS}")
    parser.add_argument("--until", metavar="WHEN", help="up to then; a date includes that day")


def _add_output(parser: argparse.ArgumentParser, formats: Sequence[str], default: str) -> None:
    parser.add_argument("--format", choices=formats, default=default, help="default: %(default)s")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it to a file")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")


def _gap(text: str) -> float:
    """How many seconds `text` stands for; unlike other durations it may be 0."""
    try:
        return 0.0 if text in ("0", "0s") else parse_duration(text, bare=True)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    """A number of lines."""
    if not (text.isascii() and text.isdecimal() and int(text[:6]) >= 1 and len(text) <= 6):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines from 1 to 999999")
    return int(text)


def _duration(text: str) -> float:
    """How many seconds `text` stands for."""
    try:
        return parse_duration(text, bare=True)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _data_folder(options: argparse.Namespace) -> Path:
    """The data folder of a server that is set up in the same way."""
    try:
        return config_loader.read({"data": options.data}, os.environ, options.config).settings.data
    except SettingError as error:
        raise AdminError(str(error)) from error
