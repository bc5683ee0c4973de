"""`chat-load`: from the command line to a report, and to an exit code.

0: passed. 1: a check or a threshold failed, or the run broke off. 2: wrong use, or no server. 130:
Ctrl-C or the key q, with a report of what was until then; the second one stops at once.
"""

import shlex
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from chat_client.errors import AddressError, ChatError, ConnectError, SettingError
from chat_client.load.compare import comparison_lines
from chat_client.load.errors import UsageError
from chat_client.load.limit import capacity_lines, find_limit, write_capacity
from chat_client.load.live import choose_view
from chat_client.load.messages import Load
from chat_client.load.options import read_comparison, read_options
from chat_client.load.report_csv import capacity_csv, report_csv
from chat_client.load.report_html import capacity_page, comparison_page, report_page
from chat_client.load.report_text import painted, report_text
from chat_client.load.result import Result, read_result, write_result
from chat_client.load.run import Run, Stopper
from chat_client.load.units import UNBOUNDED, count_text
from chat_client.load.verdict import judge
from chat_client.settings import colours
from chat_client.system import columns
from chat_client.text import one_line, printable

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load tester and return the exit code.

    Args:
        arguments: the command line without the program's name; sys.argv's if it is None.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")
    try:
        if sys.platform == "win32":
            raise UsageError("chat-load runs on Linux and macOS: its workers wait on pipes")
        if typed[:1] == ["compare"]:
            return _compare(read_comparison(typed[1:]))
        options = read_options(typed)
        _check_writable(options.json, options.csv, options.html)
        with _ctrl_c() as stopper:
            return _run(options, typed, stopper)
    except (UsageError, AddressError, ConnectError, SettingError) as error:
        return _fail(str(error), WRONG_USE)
    except ChatError as error:
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(options: Namespace, typed: Sequence[str], stopper: Stopper) -> int:
    command = shlex.join(["chat-load", *typed])

    def make_run(load: Load) -> Result:
        with choose_view(not options.no_live, stopper.ask) as view:
            result = Run(
                options.address, load, command, view.show, stopper, options.password
            ).conduct()
        result.verdict = judge(result, options.conditions)
        return result

    if options.limit is not None:
        return _find_limit(options, make_run)
    result = make_run(options.load)
    print(painted(printable(report_text(result, _width())), colours("auto")), end="")
    _keep(options.json, write_result(result))
    _keep(options.csv, report_csv(result).encode())
    _keep(options.html, report_page(result).encode())
    if result.interrupted:
        return INTERRUPTED
    return 0 if result.verdict.passed else FAILED


def _compare(options: Namespace) -> int:
    a, b = read_result(options.a), read_result(options.b)
    _check_writable(options.html)
    print(printable("\n".join(comparison_lines(a, b))))
    _keep(options.html, comparison_page(a, b).encode())
    return 0


def _find_limit(options: Namespace, make_run: Callable[[Load], Result]) -> int:
    load: Load = options.load

    def step(rate: float, number: int) -> Result:
        print(f"-- {count_text(rate)} messages/s", flush=True)
        # A name of its own: the server may not have noticed yet that the last step's are gone.
        prefix = f"{load.nick_prefix}{number}x"
        return make_run(msgspec.structs.replace(load, rate=rate, nick_prefix=prefix))

    assert load.rate is not None
    capacity = find_limit(load.rate, options.limit, step)
    print("\n".join(["", *capacity_lines(capacity, _width())]))
    _keep(options.json, write_capacity(capacity))
    _keep(options.csv, capacity_csv(capacity).encode())
    _keep(options.html, capacity_page(capacity).encode())
    if capacity.interrupted:
        return INTERRUPTED
    return 0 if capacity.highest is not None else FAILED


def _width() -> int:
    """How many cells a line of the report may have."""
    return columns(sys.stdout) if sys.stdout.isatty() else UNBOUNDED


@contextmanager
def _ctrl_c() -> Iterator[Stopper]:
    """Let Ctrl-C, and SIGTERM, end the load early."""
    stopper = Stopper()
    before = {signum: signal.signal(signum, stopper.ask) for signum in _STOPPING}
    try:
        yield stopper
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _check_writable(*paths: str | None) -> None:
    """Find out before the run what could not be written after it."""
    for path in paths:
        if path is not None:
            _write(path, b"")


def _keep(path: str | None, data: bytes) -> None:
    """Write a report that was asked for, and say so."""
    if path is not None:
        _write(path, data)
        print(f"wrote {one_line(path)}")


def _write(path: str, data: bytes) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {path!r}: {error.strerror}") from None


def _fail(text: str, code: int) -> int:
    print(f"chat-load: {one_line(text)}", file=sys.stderr)
    return code
