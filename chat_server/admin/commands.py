"""`chat-server admin`: the command line, what is printed, and the exit code.

Exit codes: 0 done; 1 it could not be done, with a sentence on stderr that says why; 2 wrong use.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from chat_server.admin import attendance_report, audit, export, messages
from chat_server.admin.archive import Audit, History, Stays
from chat_server.admin.ask import ask, is_running
from chat_server.admin.backup import back_up
from chat_server.admin.files import whole_file
from chat_server.admin.moments import (
    FORMS,
    parse_since,
    parse_until,
    shown,
)
from chat_server.admin.show import harmless_json, one_line
from chat_server.admin.table import size_shown, table
from chat_server.identity.authentication import replace_secret
from chat_server.identity.people_store import PeopleStore
from chat_server.identity.records import Act
from chat_server.runtime import config_loader
from chat_server.runtime.errors import AdminError, BackchannelError, SettingError
from protocol.common.durations import parse_duration, show_duration
from protocol.errors import ProtocolError
from protocol.text import normalize_room

PartKind = TypeVar("PartKind", bound=messages.Part)

FAILED = 1
# Somebody who left and came back within so many seconds has not been away.
DEFAULT_GAP = 60.0


def main(arguments: list[str]) -> int:
    """Do one command. Return the exit code."""
    options = _parser().parse_args(arguments)
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


# -- commands


def _status(options: argparse.Namespace) -> None:
    (part,) = _answer(options, messages.Status(), messages.StatusPart)
    if options.json:
        _print_json([part])
        return
    running = show_duration(part.now - part.started)
    unnamed = f", and {part.unnamed} that have not said hello" if part.unnamed else ""
    facts = {
        "server": f"{part.server}, process {part.process}",
        "running": f"for {running}, since {shown(part.started)}",
        "listening": " ".join(part.listening),
        "clients": f"{part.clients}{unnamed}",
        "behind": f"{part.behind} of them are being caught up" if part.behind else "none",
        "rooms": str(part.rooms),
        "messages": str(part.messages),
        "storing": "yes" if part.storing else "NO: what is said is refused, see the log",
        "kept": f"{size_shown(part.history)} in {part.data}; {size_shown(part.free)} are free",
        "threads": str(part.threads),
    }
    if part.memory is not None:
        facts["memory"] = size_shown(part.memory)
    width = max(map(len, facts))
    print("\n".join(f"{name:{width}}  {one_line(fact)}" for name, fact in facts.items()))


def _clients(options: argparse.Namespace) -> None:
    room = _room(options.room) if options.room else None
    parts = _answer(options, messages.Clients(room), messages.ClientsPart)
    clients = [client for part in parts for client in part.rows]
    if options.json:
        _print_json(clients)
        return
    rows = [
        (
            client.nick or "(no hello yet)",
            client.account or "",
            client.role,
            client.address,
            show_duration(client.connected),
            show_duration(client.silent),
            _backlog(client),
            " ".join(client.rooms),
        )
        for client in clients
    ]
    heads = ("nick", "account", "role", "address", "here for", "silent for", "behind", "rooms")
    _print_table(heads, rows)


def _rooms(options: argparse.Namespace) -> None:
    parts = _answer(options, messages.Rooms(), messages.RoomsPart)
    rooms = [room for part in parts for room in part.rows]
    if options.json:
        _print_json(rooms)
        return
    rows = [(room.room, room.members, room.messages, _shortened(room.topic)) for room in rooms]
    _print_table(("room", "members", "messages", "topic"), rows)


def _kick(options: argparse.Namespace) -> None:
    _do(options, messages.Kick(options.who, options.reason))


def _announce(options: argparse.Namespace) -> None:
    _do(options, messages.Announce(options.text, _room(options.room) if options.room else None))


def _remove_account(options: argparse.Namespace) -> None:
    _do(options, messages.RemoveAccount(options.name))


def _remove_room(options: argparse.Namespace) -> None:
    _do(options, messages.RemoveRoom(_room(options.room)))


def _backup(options: argparse.Namespace) -> None:
    _step_back()
    sizes = back_up(options.data, options.target, options.force)
    if options.json:
        print(json.dumps({"target": str(options.target.absolute()), "files": sizes}))
        return
    files = ", ".join(f"{name} ({size_shown(size)})" for name, size in sizes.items())
    print(f"{options.target} has {files}")


def _export(options: argparse.Namespace) -> None:
    room = _room(options.room)
    since, until = _window(options)
    with History.open(options.data) as history:
        found = history.messages(room, since, until)
        _write(options, export.FORMATS[options.format](room, found))


def _attendance(options: argparse.Namespace) -> None:
    room = _room(options.room)
    since, until = _window(options)
    running = is_running(options.data)
    with Stays.open(options.data) as record:
        now = time.time() if running else record.known()
        rows = record.find(room, since, until)
        stays = attendance_report.merged(rows, now, options.gap, running)
    _write(options, attendance_report.FORMATS[options.format](stays, room))


def _audit(options: argparse.Namespace) -> None:
    since, until = _window(options)
    with Audit.open(options.data) as record:
        _write(options, audit.FORMATS[options.format](record.acts(since, until)))


def _owner_secret(options: argparse.Namespace) -> None:
    path = options.data / Audit.FILE
    if not path.is_file():
        raise AdminError(f"there is no {path}: a server makes it at its first start.")
    try:
        with closing(PeopleStore(options.data)) as people:
            act = Act(time.time(), messages.OPERATOR, "owner-secret")
            secret = replace_secret(people, act)
    except BackchannelError as error:
        raise AdminError(str(error)) from error
    if options.json:
        print(json.dumps({"secret": secret}))
        return
    print(f"to be in charge, type:  /claim {secret}")
    print("The secret before this one is of no use any more. Who is an owner stays one.")


# -- the command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat-server admin",
        description="See what goes on in a server on this machine, and look after what it keeps.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add(commands, "status", _status, "how the server is", json=True)
    clients = _add(commands, "clients", _clients, "who is connected", json=True)
    clients.add_argument("--room", help="only who is in this room")
    _add(commands, "rooms", _rooms, "which rooms there are", json=True)
    kick = _add(commands, "kick", _kick, "end somebody's connection", json=True)
    kick.add_argument("who", metavar="WHO", help="a nick, an @account, an address or a network")
    kick.add_argument("reason", metavar="REASON", nargs="?", help="a line that all are told")
    announce = _add(
        commands, "announce", _announce, "say something as a notice to everybody", json=True
    )
    announce.add_argument("text", metavar="TEXT")
    announce.add_argument("--room", help="only in this room")
    remove = _add(
        commands, "remove-account", _remove_account,
        "free a nick whose owner has forgotten the password", json=True,
    )  # fmt: skip
    remove.add_argument("name", metavar="NAME", help="the nick that was registered")
    unwanted = _add(
        commands, "remove-room", _remove_room,
        "forget a room in which nobody is, with all that is kept of it", json=True,
    )  # fmt: skip
    unwanted.add_argument("room", metavar="ROOM")
    backup = _add(
        commands, "backup", _backup,
        "copy what is kept, while the server runs or not", json=True,
    )  # fmt: skip
    backup.add_argument(
        "target", type=Path, metavar="DIR|FILE",
        help="a folder to be made, which `chat-server --data DIR` can be started with; or a file, "
        "if the name ends in .tar, .tar.gz or .tgz",
    )  # fmt: skip
    backup.add_argument("--force", action="store_true", help="replace an earlier copy")
    transcript = _add(commands, "export", _export, "a transcript of a room")
    transcript.add_argument("--room", required=True)
    _add_window(transcript)
    _add_output(transcript, list(export.FORMATS), "txt")
    present = _add(commands, "attendance", _attendance, "who was in a room from when to when")
    present.add_argument("--room", required=True)
    _add_window(present)
    present.add_argument(
        "--gap", type=_gap, default=DEFAULT_GAP, metavar="TIME",
        help="who comes back within this time has not been away (default: 60s)",
    )  # fmt: skip
    _add_output(present, list(attendance_report.FORMATS), "txt")
    done = _add(commands, "audit", _audit, "what was done by who is in charge")
    _add_window(done)
    _add_output(done, list(audit.FORMATS), "txt")
    _add(
        commands, "owner-secret", _owner_secret,
        "make a new secret for whoever is to be in charge, and show it once", json=True,
    )  # fmt: skip
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    text: str,
    *,
    json: bool = False,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
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


def _data_folder(options: argparse.Namespace) -> Path:
    """The data folder of a server that is set up in the same way."""
    try:
        return config_loader.read({"data": options.data}, os.environ, options.config).settings.data
    except SettingError as error:
        raise AdminError(str(error)) from error


def _room(name: str) -> str:
    try:
        return normalize_room(name.removeprefix("#"))
    except ProtocolError as error:
        raise AdminError(f"{error.text}.") from error


def _window(options: argparse.Namespace) -> tuple[float | None, float | None]:
    now = time.time()
    try:
        since = None if options.since is None else parse_since(options.since, now)
        until = None if options.until is None else parse_until(options.until, now)
    except (ValueError, OverflowError, OSError) as error:
        raise AdminError(f"{error}.") from error
    if since is not None and until is not None and until <= since:
        raise AdminError(f"--until {options.until} is not after --since {options.since}.")
    return since, until


def _do(options: argparse.Namespace, request: messages.Request) -> None:
    """Let the server do something, and say what came of it."""
    (done,) = _answer(options, request, messages.Done)
    if options.json:
        _print_json([done])
    else:
        print(one_line(done.text))


def _answer(
    options: argparse.Namespace, request: messages.Request, kind: type[PartKind]
) -> list[PartKind]:
    """The parts of one kind in the server's answer."""
    return [part for part in ask(options.data, request) if isinstance(part, kind)]


def _step_back() -> None:
    """Take processor time only where nobody else wants it: the rooms come first."""
    if hasattr(os, "nice"):
        os.nice(19)


# -- what is printed


def _write(options: argparse.Namespace, lines: Iterable[str]) -> None:
    """Write lines to stdout, or to a file that is there when all are in it."""
    if options.output is None:
        for line in lines:
            print(line)
        return
    with (
        whole_file(options.output, options.force) as part,
        open(part, "w", encoding="utf-8") as file,
    ):
        for line in lines:
            print(line, file=file)


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if not rows:
        print("none")
        return
    print(table(heads, rows, colours=sys.stdout.isatty() and "NO_COLOR" not in os.environ))


def _print_json(values: Iterable[msgspec.Struct]) -> None:
    for value in values:
        print(harmless_json(msgspec.json.encode(value).decode()))


def _backlog(client: messages.Client) -> str:
    if not client.behind:
        return "no"
    return size_shown(client.waiting) if client.waiting else "yes"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
