"""`chat-server`: from the command line to a running server, and to its end."""

import argparse
import difflib
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import colorama

from chat_server import preflight
from chat_server.admin import command_line as admin
from chat_server.invitation import invitation
from chat_server.network.addresses import page_url
from chat_server.network.wakeup import WakeUp
from chat_server.runtime import logs, threads
from chat_server.runtime.config import config_loader
from chat_server.runtime.config.config_loader import Config
from chat_server.runtime.config.setting_types import Setting
from chat_server.runtime.config.settings import SETTINGS, Settings
from chat_server.runtime.errors import AwayError, StartError
from chat_server.runtime.log_writer import LogWriter
from chat_server.runtime.machine import processors, systemd
from chat_server.server import Server
from chat_server.version import SERVER
from protocol.common.descriptors import allow_descriptors, fill_standard_streams
from protocol.common.setting_rules import NONE
from protocol.tls import shown_fingerprint

log = logging.getLogger(__name__)

FAILED = 1
WRONG_USE = 2

SIGHUP: int | None = getattr(signal, "SIGHUP", None)
"""Windows has none."""


def main(arguments: list[str] | None = None) -> int:
    """Run a server until a signal ends it.

    Returns the exit code: 0 after SIGINT or SIGTERM, 2 if it could not start as it was asked to.
    """
    _settle()
    fill_standard_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["admin"]:
        return admin.main(arguments[1:])
    options = _read(arguments)
    if options.live:
        return _look(options, [each for each in arguments if each != "--live"])
    if (errors := getattr(sys.stdout, "reconfigure", None)) is not None:
        errors(errors="backslashreplace")  # a path may be no text
    try:
        if options.print_config:
            return _say(config_loader.shown(_settings(options)))
        return _check(_settings(options)) if options.check else _serve(options)
    except AwayError as error:  # a service manager tries again
        return _failed(str(error))
    except StartError as error:
        return _wrong(error.problems)


def _look(options: argparse.Namespace, arguments: list[str]) -> int:
    """Look at the server that these options mean, and run it where it does not run yet."""
    if not hasattr(socket, "AF_UNIX"):
        return _wrong(["--live needs Unix sockets. Open the server's page /live in a browser."])
    try:
        data = _settings(options).settings.data
    except StartError as error:
        return _wrong(error.problems)
    # Only now: no server draws anything itself.
    from chat_server.admin.live import live_program

    return live_program.run(arguments, data)


def _settle() -> None:
    """Give a user without a home folder the home /, where nothing is theirs.

    systemd's dynamic users have that home, too, where the machine can look them up.
    """
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = "/"


def _give_up_stdout() -> None:
    """Drop what could not be written; the interpreter would try it again at its end."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options. An unknown one is wrong use, and the nearest is suggested."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = [f"--{name.replace('_', '-')}" for name in vars(options)]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1)
        hint = f". Did you mean {near[0]}?" if near else ". --help shows what there is."
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return options


def _check(chosen: Config) -> int:
    for warning in chosen.warnings:
        print(f"chat-server: warning: {warning}", file=sys.stderr)
    problems = preflight.check(chosen.settings)
    if problems:
        return _wrong(problems)
    return _say("the settings are good")


def _say(text: str) -> int:
    """Print what was asked for. Return the exit code."""
    try:
        print(text, flush=True)
    except OSError as error:
        _give_up_stdout()
        return _failed(f"stdout cannot be written: {error.strerror}")
    return 0


def _failed(reason: str) -> int:
    print(f"chat-server: {reason}", file=sys.stderr)
    return FAILED


def _wrong(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"chat-server: {problem}", file=sys.stderr)
    return WRONG_USE


def _serve(options: argparse.Namespace) -> int:
    """Read the settings and run a server with them, until a signal ends it."""
    chosen = _settings(options)
    faulthandler.enable(all_threads=False)  # even a crash of the interpreter says so on stderr
    if chosen.settings.delivery_workers == 1:  # several are to send at the same time
        processors.keep_to_one()
    stream = LogWriter(sys.stderr)
    threads.end_process_on_failure(stream.finish)
    with stream:
        _set_up_logs(chosen.settings, stream)
        code = _host(options, chosen, stream)
    return threads.end_process_if_busy(code)


def _host(options: argparse.Namespace, chosen: Config, stream: LogWriter) -> int:
    ends_with_terminal = _ends_with_terminal()
    signals = _watch_signals()
    if chosen.found:
        log.info("settings from %s", chosen.file)
    _warn(chosen)
    allow_descriptors()  # one for each connection
    server = Server(chosen.settings)
    try:
        server.start()
    except StartError as error:
        if not chosen.settings.log_json:
            raise
        for problem in error.problems:
            log.error("%s", problem)
        return FAILED if isinstance(error, AwayError) else WRONG_USE
    # What is here by now stays. A collection looks at all objects, and nobody else does anything
    # meanwhile: so it is to look at those alone that clients make.
    gc.collect()
    gc.freeze()
    _greet(server)
    listening = " ".join(str(address) for address in server.addresses)
    systemd.tell(systemd.READY, f"STATUS=listening on {listening}")
    while signals.get() == SIGHUP and (_has_terminal() or not ends_with_terminal):
        systemd.tell_reloading()
        chosen = _reload(server, options, chosen, stream)
        systemd.tell(systemd.READY)
    systemd.tell(systemd.STOPPING)
    server.stop()
    return 0


def _reload(
    server: Server, options: argparse.Namespace, before: Config, stream: LogWriter
) -> Config:
    """Read the settings again, and leave all as it is if they are wrong. Return what counts now."""
    try:
        chosen = _settings(options, before)
        server.reload(chosen.settings)
    except StartError as error:
        for problem in error.problems:
            log.error("the settings stay as they are: %s", problem)
        return before
    _warn(chosen)
    _set_up_logs(chosen.settings, stream)
    return chosen


def _settings(options: argparse.Namespace, before: Config | None = None) -> Config:
    return config_loader.read(vars(options), os.environ, options.config, before)


def _set_up_logs(settings: Settings, stream: LogWriter) -> None:
    logs.set_up(settings.log_level, stream, as_json=settings.log_json)


def _warn(chosen: Config) -> None:
    for warning in chosen.warnings:
        log.warning("%s", warning)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat-server",
        usage="%(prog)s [options]",
        description="Host chat rooms for everybody on this network. `chat-server admin` looks at, "
        "and after, one that runs: see `chat-server admin --help`.",
        epilog="Every option but the first four can also be set by a variable, such as CHAT_PORT "
        "or CHAT_LOG_LEVEL, with commas where there may be several, or in the file, such as "
        'port = 9000 or log_level = "debug". Ctrl-C stops the server: what was said is kept, and '
        "there again the next time.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the file with all other settings (default: "
        f"{config_loader.default_file()}, if there is such a file)".replace("%", "%%"),
    )
    parser.add_argument(
        "--check", action="store_true", help="say what is wrong with the settings, and leave"
    )
    parser.add_argument(
        "--print-config",
        action="store_true",
        help="print what is set, and where, as the file could hold it, and leave",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="show on the terminal what each thread and each member does: of the server that runs "
        "with the data folder, or of one that is started with the other options",
    )
    parser.add_argument("--version", action="version", version=SERVER)
    rare = parser.add_argument_group("times and limits, which are good as they are")
    for each in SETTINGS.values():
        if not each.secret:
            _add_option(rare if each.rare else parser, each)
    return parser


def _add_option(parser: argparse._ActionsContainer, setting: Setting) -> None:
    """Add the option of a setting. What it says is looked at when all is read."""
    default = getattr(Settings(), setting.field)
    help = setting.help.replace("%", "%%")
    if setting.rule.kind == "switch":
        _add_switch(parser, setting, help)
        return
    written = setting.rule.write(default)
    if setting.rule.kind == "one" and written not in ("", NONE):
        help += f" (default: {written})".replace("%", "%%")
    action = "append" if setting.rule.kind == "many" else "store"
    parser.add_argument(
        setting.flag, dest=setting.name, action=action, metavar=setting.rule.metavar, help=help
    )


def _add_switch(parser: argparse._ActionsContainer, setting: Setting, help: str) -> None:
    """Add the option of a switch, the one that takes it back, and those of its earlier name."""
    if not setting.name.startswith("no_"):
        no = argparse.BooleanOptionalAction
        parser.add_argument(setting.flag, dest=setting.name, action=no, default=None, help=help)
        return
    add = partial(parser.add_argument, dest=setting.name, action="store_const")
    add(setting.flag, const=True, help=help)
    add(f"--{setting.flag.removeprefix('--no-')}", const=False, help=argparse.SUPPRESS)
    if setting.former:
        add(f"--{setting.former}", const=True, help=argparse.SUPPRESS)
        add(f"--no-{setting.former}", const=False, help=argparse.SUPPRESS)


def _watch_signals() -> "SimpleQueue[int]":
    """Return a queue of signals to stop or reload. A second signal to stop ends the process.

    The interpreter writes each signal to a descriptor, which a thread reads: a handler would run
    only on the main thread, which may be waiting for a lock.
    """
    asked: SimpleQueue[int] = SimpleQueue()
    wakeup = WakeUp()

    def watch() -> None:
        stopping = False
        while True:
            for signum in wakeup.take():
                if stopping and signum != SIGHUP:
                    os._exit(128 + signum)  # the store survives that
                stopping = stopping or signum != SIGHUP
                asked.put(signum)

    for signum in (signal.SIGINT, signal.SIGTERM, *([SIGHUP] if SIGHUP else [])):
        signal.signal(signum, lambda *_: None)
    signal.set_wakeup_fd(wakeup.signal_descriptor)
    threads.ServerThread(watch, "signals").start()
    return asked


def _ends_with_terminal() -> bool:
    """Return whether SIGHUP ends the server once its terminal is closed.

    Not under `nohup`; and to a service, which has no terminal, SIGHUP means reload.
    """
    ignored = SIGHUP is not None and signal.getsignal(SIGHUP) == signal.SIG_IGN
    return _has_terminal() and not ignored


def _has_terminal() -> bool:
    """Whether this process can be reached from a terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _greet(server: Server) -> None:
    """Print where clients connect, and how people join; the first time also how to be in charge.

    Where stdout cannot be written, the log gets it. A secret that was not written to stdout is
    replaced at the next start, unless somebody has used it.
    """
    secret, fingerprint = server.owner_secret, server.fingerprint
    lines = [f"listening on {address}" for address in server.addresses]
    page = page_url(server.addresses) if server.settings.web else None
    lines += invitation(server.addresses, tls=fingerprint is not None, page=page)
    if fingerprint is not None:
        lines.append(f"to be sure it is this one:  --fingerprint {shown_fingerprint(fingerprint)}")
    if secret:
        lines.append(f"to be in charge, type:  /claim {secret}")
    try:
        print("\n".join(lines), flush=True)
        if page:
            _show_qr(page)
    except OSError as error:
        _give_up_stdout()
        level = logging.ERROR if secret else logging.WARNING
        log.log(level, "stdout cannot be written: %s. It would have said:", error.strerror)
        for line in lines:
            log.log(level, "%s", line)
        return
    server.note_secret_shown()


def _show_qr(url: str) -> None:
    """Print the QR code of the page's URL on a terminal, where it fits.

    Raises:
        OSError: stdout cannot be written.
    """
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return
    # Only now: people are in already while it is loaded.
    from chat_server.gateways.web import qr_code

    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    if qr_code.fits_terminal(url, sys.stdout, columns, rows):
        colorama.just_fix_windows_console()
        print("\n".join(qr_code.qr_lines(url)), flush=True)
