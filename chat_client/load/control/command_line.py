"""`chat-load`: from the command line to a report and an exit code.

Exit codes: 0, passed. 1, a check or a threshold failed, the run broke off, or a report could not be
written. 2, wrong use, or no chat server answers. 130, Ctrl-C or the key q: the load ends early and
is reported; a second Ctrl-C ends everything at once.
"""

import os
import shlex
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec

from chat_client.config.settings import colours
from chat_client.display.text import one_line, printable
from chat_client.errors import AddressError, ChatError, ConnectError, SettingError
from chat_client.load.control.limit import find_limit
from chat_client.load.control.options import read_comparison, read_options
from chat_client.load.control.own_server import own_server
from chat_client.load.control.run import Run, Stopper
from chat_client.load.model.load_errors import Interrupted, LoadError, UsageError
from chat_client.load.model.result import Result
from chat_client.load.model.units import UNBOUNDED, count_text
from chat_client.load.model.verdict import judge
from chat_client.load.model.workload import Load
from chat_client.load.report.compare import comparison_lines
from chat_client.load.report.live import choose_view
from chat_client.load.report.output import Output, check_writable, is_terminal, write_file
from chat_client.load.report.report_csv import capacity_csv, report_csv
from chat_client.load.report.report_html import capacity_page, comparison_page, report_page
from chat_client.load.report.report_json import read_result, write_capacity, write_result
from chat_client.load.report.report_text import capacity_lines, painted, report_text
from chat_client.transport.addresses import Addresses

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
        check_writable(options.json, options.csv, options.html)
        with _servers(options.servers) as servers, _ctrl_c() as stopper:
            return _run(options, servers, typed, stopper)
    except Interrupted as error:
        return _fail(str(error), INTERRUPTED)
    except (UsageError, AddressError, ConnectError, SettingError) as error:
        return _fail(str(error), WRONG_USE)
    except ChatError as error:
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


@contextmanager
def _servers(given: Addresses | None) -> Iterator[Addresses]:
    if given is not None:
        yield given
        return
    with own_server() as address:
        yield Addresses([address])


def _run(options: Namespace, servers: Addresses, typed: Sequence[str], stopper: Stopper) -> int:
    command = shlex.join(["chat-load", *typed])
    # If nobody reads the output and there is no file to write, end the load early.
    unread = stopper.end if not (options.json or options.csv or options.html) else None
    output = Output(unread)
    own = options.servers is None

    def make_run(load: Load) -> Result:
        with choose_view(not options.no_live, stopper.ask, output.say) as view:
            run = Run(
                servers,
                load,
                command,
                view.show,
                stopper,
                options.password,
                keep_rooms=options.keep_rooms or own,
            )
            result = run.conduct()
        if own:
            result.rooms_kept = []  # they end with the server
        result.verdict = judge(result, options.fail_if, options.expect)
        return result

    if options.limit is not None:
        return _find_limit(options, make_run, output)
    result = make_run(options.load)
    number = colours("auto") if is_terminal() else 0
    text = painted(printable(report_text(result, _width())), number)
    code = 0 if result.verdict.passed else FAILED
    return _finish(
        output,
        text,
        INTERRUPTED if result.interrupted else code,
        (options.json, write_result(result)),
        (options.csv, report_csv(result).encode()),
        (options.html, report_page(result).encode()),
    )


def _compare(options: Namespace) -> int:
    a, b = read_result(options.a), read_result(options.b)
    check_writable(options.html)
    text = printable("\n".join(comparison_lines(a, b))) + "\n"
    return _finish(Output(), text, 0, (options.html, comparison_page(a, b).encode()))


def _find_limit(options: Namespace, make_run: Callable[[Load], Result], output: Output) -> int:
    load: Load = options.load

    def step(rate: float, number: int) -> Result:
        output.say(f"-- {count_text(rate)} messages/s")
        # Other nicks: the server may not have noticed yet that the last step's clients are gone.
        prefix = f"{load.nick_prefix}{number}x"
        return make_run(msgspec.structs.replace(load, rate=rate, nick_prefix=prefix))

    assert load.rate is not None
    capacity = find_limit(load.rate, options.limit, step)
    code = 0 if capacity.highest is not None and not capacity.broke_off else FAILED
    return _finish(
        output,
        "\n".join(["", *capacity_lines(capacity, _width()), ""]),
        INTERRUPTED if capacity.interrupted else code,
        (options.json, write_capacity(capacity)),
        (options.csv, capacity_csv(capacity).encode()),
        (options.html, capacity_page(capacity).encode()),
    )


def _finish(output: Output, text: str, code: int, *reports: tuple[str | None, bytes]) -> int:
    """Write the reports that were asked for, then the text, and return the exit code.

    The text comes last, because writing it may block, or fail if nobody reads it any more.
    """
    written, problems = [], []
    for path, data in reports:
        if path is None:
            continue
        try:
            write_file(path, data)
        except LoadError as error:
            problems.append(str(error))
        else:
            written.append(path)
    output.say(text, end="")
    for path in written:
        output.say(f"wrote {one_line(path)}")
    if output.failure:
        problems.append(output.failure)
    for problem in problems:
        _fail(problem, FAILED)
    return code or (FAILED if problems else 0)


def _width() -> int:
    """How many cells a line of the report may have. COLUMNS may be another terminal's."""
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80 if is_terminal() else UNBOUNDED


@contextmanager
def _ctrl_c() -> Iterator[Stopper]:
    """Let Ctrl-C and SIGTERM end the load early while the block runs."""
    stopper = Stopper()
    before = {signum: signal.signal(signum, stopper.ask) for signum in _STOPPING}
    try:
        yield stopper
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _fail(text: str, code: int) -> int:
    if sys.stderr is not None:
        with suppress(OSError):  # the exit code says it too
            print(f"chat-load: {one_line(text)}", file=sys.stderr, flush=True)
    return code
