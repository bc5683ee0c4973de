"""What each command of `chat-server admin` does. `command_line` says how they are typed.

A function takes the options of its command, and prints what came of it. It raises AdminError if it
could not be done.
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

from chat_server.admin import costs, messages
from chat_server.admin.archive import Audit, Classes, History, Stays
from chat_server.admin.ask import ask, is_running
from chat_server.admin.backup import back_up
from chat_server.admin.classes import presence_report
from chat_server.admin.classes.class_file import read_class
from chat_server.admin.classes.pin_sheet import pin_sheet
from chat_server.admin.files import whole_file
from chat_server.admin.moments import parse_since, parse_until, shown
from chat_server.admin.reports import attendance_report, audit_report, poll_report, transcripts
from chat_server.admin.show import harmless_json, one_line, size_shown, table
from chat_server.identity import owner_secret
from chat_server.identity.passwords import Passwords, strong_hasher
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from chat_server.runtime.config import config_loader
from chat_server.runtime.errors import AdminError, BackchannelError, SettingError
from protocol.common.durations import show_duration
from protocol.errors import ProtocolError
from protocol.text import normalize_reason, normalize_room

PartKind = TypeVar("PartKind", bound=messages.Part)


def status(options: argparse.Namespace) -> None:
    """Print how the server is."""
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


def servers(options: argparse.Namespace) -> None:
    """Print which servers share the engine that keeps the logs."""
    (part,) = _answer(options, messages.Servers(), messages.ServersPart)
    if options.json:
        _print_json(part.rows)
        return
    rows = [
        (
            server.name,
            " ".join(server.addresses),
            f"{server.version}, process {server.pid}",
            shown(server.started),
            str(server.connections),
            str(server.clients),
            str(server.members),
            f"{server.round_trip * 1000:.1f} ms",
            f"{server.lag * 1000:.1f} ms",
        )
        for server in part.rows
    ]
    heads = ("name", "listening", "version", "since", "connections", "clients", "members")
    _print_table((*heads, "round trip", "lag"), rows)


def clients(options: argparse.Namespace) -> None:
    """Print who is connected."""
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


def rooms(options: argparse.Namespace) -> None:
    """Print which rooms there are."""
    parts = _answer(options, messages.Rooms(), messages.RoomsPart)
    rooms = [room for part in parts for room in part.rows]
    if options.json:
        _print_json(rooms)
        return
    rows = [(room.room, room.members, room.messages, _shortened(room.topic)) for room in rooms]
    _print_table(("room", "members", "messages", "topic"), rows)


def top(options: argparse.Namespace) -> None:
    """Print who costs what; again and again, with --watch."""
    before: list[messages.Cost] | None = None
    looked = time.monotonic()
    while True:
        parts = _answer(options, messages.Top(), messages.TopPart)
        rows, now = [row for part in parts for row in part.rows], time.monotonic()
        shown_rows = rows if before is None else costs.since(rows, before, now - looked)
        _print_costs(options, shown_rows)
        if options.watch is None:
            return
        sys.stdout.flush()
        before, looked = rows, now
        time.sleep(options.watch)


def kick(options: argparse.Namespace) -> None:
    """End somebody's connection."""
    _do(options, messages.Kick(options.who, options.reason))


def ban(options: argparse.Namespace) -> None:
    """Let somebody in no more."""
    _do(options, messages.Ban(options.who, options.seconds, options.reason, options.address))


def unban(options: argparse.Namespace) -> None:
    """Let somebody in again."""
    _do(options, messages.Unban(options.who))


def mute(options: argparse.Namespace) -> None:
    """Let somebody listen only."""
    _do(options, messages.Mute(options.who, options.seconds, options.reason))


def unmute(options: argparse.Namespace) -> None:
    """Let somebody talk again."""
    _do(options, messages.Unmute(options.who))


def freeze(options: argparse.Namespace) -> None:
    """Let only moderators talk."""
    room = _room(options.room) if options.room else None
    _do(options, messages.FreezeRooms(room, options.seconds, tuple(options.speakers) or None))


def unfreeze(options: argparse.Namespace) -> None:
    """Let everybody talk again."""
    _do(options, messages.Unfreeze(_room(options.room) if options.room else None))


def announce(options: argparse.Namespace) -> None:
    """Say something as a notice."""
    _do(options, messages.Announce(options.text, _room(options.room) if options.room else None))


def remove_account(options: argparse.Namespace) -> None:
    """Free a nick."""
    _do(options, messages.RemoveAccount(options.name))


def remove_room(options: argparse.Namespace) -> None:
    """Forget a room."""
    _do(options, messages.RemoveRoom(_room(options.room)))


def backup(options: argparse.Namespace) -> None:
    """Copy what is kept."""
    _step_back()
    sizes = back_up(options.data, options.target, options.force)
    if options.json:
        print(json.dumps({"target": str(options.target.absolute()), "files": sizes}))
        return
    files = ", ".join(f"{name} ({size_shown(size)})" for name, size in sizes.items())
    print(f"{options.target} has {files}")


def migrate(options: argparse.Namespace) -> None:
    """Move the logs and the sessions to Redis, or back."""
    address = options.to or options.from_
    given = {"data": str(options.data), "log": address}
    try:
        settings = config_loader.read(given, os.environ, options.config).settings
    except SettingError as error:
        raise AdminError(str(error)) from error
    if settings.log is None:
        raise AdminError(f"{address!r} is no address of Redis, such as redis://127.0.0.1:6379/0.")
    try:
        from chat_server.storage.moving.migration import move_from_redis, move_to_redis
    except ImportError as error:
        raise AdminError(
            f"this needs the library redis, which is not installed: {error}"
        ) from error
    move = move_to_redis if options.to else move_from_redis
    moved = move(options.data, settings.log, settings.log_password)
    if options.json:
        print(json.dumps(moved._asdict()))
        return
    whence, where = (options.data, settings.log) if options.to else (settings.log, options.data)
    start = f"--log {settings.log}" if options.to else "without --log"
    print(
        f"{moved.messages} messages of {moved.rooms} rooms and {moved.sessions} sessions were "
        f"copied from {whence} to {where}, and compared. Start the server {start} from now on.\n"
        "Accounts, roles, bans, room rules, polls, pins, attendance and shared files stay in the "
        "data folder: start the server with that. The search index is made anew. What is left at "
        f"{whence} is an old copy: delete it when you no longer need it."
    )


def export(options: argparse.Namespace) -> None:
    """Write a transcript of a room."""
    room = _room(options.room)
    since, until = _window(options)
    with History.open(options.data) as history:
        found = history.messages(room, since, until)
        _write(options, transcripts.TRANSCRIPTS[options.format](room, found))


def polls(options: argparse.Namespace) -> None:
    """Write the results of a room's polls."""
    room = _room(options.room)
    since, until = _window(options)
    with History.open(options.data) as history:
        found = history.messages(room, since, until)
        _write(options, poll_report.FORMATS[options.format](found))


def attendance(options: argparse.Namespace) -> None:
    """Write who was in a room from when to when."""
    room = _room(options.room)
    if options.by == "stay" and options.format == "html":
        raise AdminError("--format html is for --by person.")
    if options.by == "stay" and (options.group or options.begin or options.end):
        raise AdminError("--class, --begin and --end are for --by person.")
    since, until = _window(options)
    running = is_running(options.data)
    with Stays.open(options.data) as record:
        now = time.time() if running else record.known()
        rows = record.find(room, since, until)
        stays = attendance_report.merged(rows, now, options.gap, running)
    if options.by == "person":
        _write_presences(options, stays, room)
        return
    _write(options, attendance_report.FORMATS[options.format](stays, room))


def class_add(options: argparse.Namespace) -> None:
    """Reserve the nicks of a class, and write the sheet with their PINs."""
    rows, group = read_class(options.file), options.group or _group_of(options.file)
    sheet = options.output or Path(f"{options.file.stem}-pins.html")
    (status,) = _answer(options, messages.Status(), messages.StatusPart)
    page = options.page or status.page
    if page is None:
        raise AdminError("nobody can reach the server's page: name where it is with --page URL.")
    with whole_file(sheet, options.force) as part:
        part.write_text("\n".join([*pin_sheet(group, rows, page), ""]), encoding="utf-8")
        passwords = Passwords(strong_hasher())
        pupils = [
            messages.NewPupil(row.line, row.name, row.nick, passwords.hash(row.pin)) for row in rows
        ]
        request = messages.ClassAdd(group, pupils)
        if len(messages.encode(request)) > messages.REQUEST_LIMIT:
            raise AdminError(f"{options.file} is too long for one list: make two of it.")
        _do(options, request)
    if not options.json:
        print(f"{sheet} has the PINs, to print and hand out; nobody can show them again.")


def class_list(options: argparse.Namespace) -> None:
    """Print who is on the class lists."""
    with Classes.open(options.data) as record:
        pupils = record.pupils(options.group)
    if options.json:
        for each in pupils:
            line = {"class": each.group, "name": each.name, "nick": each.nick}
            shown_line = {**line, "account": bool(each.account)}
            print(harmless_json(json.dumps(shown_line, ensure_ascii=False)))
        return
    rows = [
        (each.group, each.name, each.nick, "yes" if each.account else "no, it was removed")
        for each in pupils
    ]
    _print_table(("class", "name", "nick", "account"), rows)


def class_remove(options: argparse.Namespace) -> None:
    """Forget a class, or one person on its list."""
    _do(options, messages.ClassRemove(options.group, options.nick))


def audit(options: argparse.Namespace) -> None:
    """Write what those in charge did."""
    since, until = _window(options)
    write = audit_report.AUDITS[options.format]
    with Audit.open(options.data) as record:
        acts = record.acts(since, until)
        if not options.with_text:
            _write(options, write((act, None) for act in acts))
            return
        with History.open(options.data) as history:
            _write(options, write((act, history.text_before(act)) for act in acts))


def show_owner_secret(options: argparse.Namespace) -> None:
    """Print the owner's secret, or a new one."""
    path = options.data / Audit.FILE
    if not path.is_file():
        raise AdminError(f"there is no {path}: a server makes it at its first start.")
    try:
        with closing(PeopleStore(options.data)) as people:
            secret = _owner_secret(people, options.data, new=options.new)
    except BackchannelError as error:
        raise AdminError(str(error)) from error
    if options.json:
        print(json.dumps({"secret": secret}))
        return
    print(f"to be in charge, type:  /claim {secret}")
    if options.new:
        print("The secret before this one is of no use any more. Who is an owner stays one.")


def _owner_secret(people: PeopleStore, data: Path, *, new: bool) -> str:
    if people.is_copy and new:  # what is written here, other servers would not know
        parts = list(ask(data, messages.NewSecret()))
        return next(part.secret for part in parts if isinstance(part, messages.SecretPart))
    if new:
        act = Act(time.time(), messages.OPERATOR, "owner-secret")
        return owner_secret.replace(people, data, act)
    secret = owner_secret.find(people, data)
    if secret is None:
        raise AdminError(
            f"{data} has a hash of the owner's secret alone, as a copy has, the folder of one of "
            "several servers in which it was not made, and a folder of an earlier version: "
            "`chat-server admin owner-secret --new` makes a new one."
        )
    if not people.is_copy:
        owner_secret.note_shown(people)
    return secret


def _write_presences(
    options: argparse.Namespace, stays: Sequence[attendance_report.Stay], room: str
) -> None:
    begin, end = _moment(options.begin, parse_since), _moment(options.end, parse_until)
    if begin is not None and end is not None and end <= begin:
        raise AdminError(f"--end {options.end} is not after --begin {options.begin}.")
    lesson = presence_report.Lesson(begin, end, options.grace)
    with Classes.open(options.data) as record:
        pupils = record.pupils(options.group)
    rows = presence_report.presences(pupils, stays, lesson)
    _write(options, presence_report.FORMATS[options.format](rows, room, lesson))


def _group_of(file: Path) -> str:
    """What a class is called whose list stands in a file."""
    try:
        return normalize_reason(file.stem)
    except ProtocolError as error:
        raise AdminError(f"name the class with --class: {error.text}.") from error


# -- what commands have in common ----------------------------------------------------------------


def _room(name: str) -> str:
    try:
        return normalize_room(name.removeprefix("#"))
    except ProtocolError as error:
        raise AdminError(f"{error.text}.") from error


def _moment(text: str | None, parse: Callable[[str, float], float]) -> float | None:
    try:
        return None if text is None else parse(text, time.time())
    except (ValueError, OverflowError, OSError) as error:
        raise AdminError(f"{error}.") from error


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


def _do(options: argparse.Namespace, request: messages.AdminRequest) -> None:
    """Let the server do something, and say what came of it."""
    (done,) = _answer(options, request, messages.Done)
    if options.json:
        _print_json([done])
    else:
        print(one_line(done.text))


def _answer(
    options: argparse.Namespace, request: messages.AdminRequest, kind: type[PartKind]
) -> list[PartKind]:
    """The parts of one kind in the server's answer."""
    return [part for part in ask(options.data, request) if isinstance(part, kind)]


def _step_back() -> None:
    """Take processor time only where nobody else wants it: the rooms come first."""
    if hasattr(os, "nice"):
        os.nice(19)


# -- what is printed -------------------------------------------------------------------------------


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


def _print_costs(options: argparse.Namespace, rows: list[messages.Cost]) -> None:
    """Print who costs what: in place of what stood there, on a terminal that watches."""
    people = options.by == "client"
    lines = costs.ordered(costs.lines(rows) if people else costs.by_address(rows), options.sort)
    lines = lines[: options.count]
    if options.json:
        for line in lines:
            print(harmless_json(json.dumps(line._asdict(), ensure_ascii=False)))
        return
    is_terminal = sys.stdout.isatty()
    if options.watch is not None:
        print("\x1b[H\x1b[J" if is_terminal else "", end="" if is_terminal else "\n")
    colours = is_terminal and "NO_COLOR" not in os.environ
    rates = options.watch is not None
    print(costs.shown(lines, rates=rates, people=people, colours=colours) if lines else "none")


def _print_json(values: Iterable[msgspec.Struct]) -> None:
    for value in values:
        print(harmless_json(msgspec.json.encode(value).decode()))


def _backlog(client: messages.ClientRow) -> str:
    if not client.behind:
        return "no"
    return size_shown(client.waiting) if client.waiting else "yes"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
