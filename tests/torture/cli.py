"""The command: options, the seed, the verdict."""

import argparse
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.torture import logfile
from tests.torture.checker import check
from tests.torture.report import listed, summary
from tests.torture.run import Plan, Run
from tests.torture.server import ServerDied

HELD, VIOLATED, NOT_RUN = 0, 1, 2

LEAST_KEPT = 100


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns 0 if every promise was kept, 1 if not, 2 if it could not be run.

    With --lose-writes it returns 0 if the checker has found what was lost.
    """
    options = _parser().parse_args(arguments)
    plan = Plan(
        options.seed,
        options.minutes * 60,
        options.clients,
        options.rooms,
        options.websocket,
        options.irc,
        options.workers,
        options.keep,
        options.redis or options.lose_writes,
        options.lose_writes,
    )
    again = (
        f"python -m tests.torture --minutes {options.minutes:g} --seed {plan.seed} "
        f"--clients {plan.clients} --rooms {plan.rooms}"
        + f" --workers {plan.workers}"
        + (f" --keep {plan.keep}" if plan.keep else "")
        + " --no-websocket" * (not plan.websocket)
        + " --no-irc" * (not plan.irc)
        + (" --lose-writes" if plan.lose_writes else " --redis" * plan.redis)
    )
    _say(f"seed {plan.seed} (how threads are scheduled is not in it): {again}")
    folder = Path(tempfile.mkdtemp(prefix="backchannel-torture-"))
    kept = False
    run = Run(plan, folder, _say)
    try:
        code = _torture(run, plan)
        kept = code == VIOLATED
    except ServerDied as error:
        logs = "".join(log.read_text(errors="replace") for log in run.logs)
        _say(f"the server {error}:\n{logs}")
        return NOT_RUN
    except KeyboardInterrupt:  # the second: the first is taken for the end of the play
        _say("given up: nothing was checked")
        return NOT_RUN
    finally:
        if not kept:
            shutil.rmtree(folder)
    if kept:
        _say(f"the database and the server's log are kept in {folder}")
    _say(f"seed {plan.seed}: {_verdict(plan, code)}")
    return code


def _verdict(plan: Plan, code: int) -> str:
    if plan.lose_writes:
        return "WHAT WAS LOST WAS NOT FOUND" if code else "what was lost was found"
    return "PROMISES WERE BROKEN" if code else "every promise was kept"


def _torture(run: Run, plan: Plan) -> int:
    begin = time.monotonic()
    with _interruptible(run):
        seen = run.execute()
    violations = check(seen)
    _say(f"after {time.monotonic() - begin:.0f} s:")
    for line in summary(seen, run.tally):
        _say(line)
    for log in run.logs:
        count, lines = logfile.errors(log)
        if not count:
            continue
        _say(f"  {count} lines of the server's log report an error:")
        for line in lines:
            _say(f"    {line}")
    _say(f"  {len(violations)} violations")
    for line in listed(violations):
        _say(line)
    if plan.lose_writes:
        return HELD if any(each.rule == "lost" for each in violations) else VIOLATED
    return VIOLATED if violations else HELD


@contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the play, and the second everything."""

    def interrupt(signum: int, _: FrameType | None) -> None:
        signal.signal(signum, signal.default_int_handler)
        run.interrupted.set()

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture",
        description="Kill the server and break the network while many talk; then check that "
        "nothing was lost, doubled or reordered.",
        epilog="Ctrl-C ends the run early, and checks what there is.",
    )
    parser.add_argument(
        "--minutes", type=_positive, default=1.0, help="of faults (default: %(default)g)"
    )
    parser.add_argument(
        "--seed", default=str(random.SystemRandom().randrange(1_000_000)), help="default: another"
    )
    parser.add_argument("--clients", type=_count, default=24, help="(default: %(default)s)")
    parser.add_argument("--rooms", type=_count, default=3, help="(default: %(default)s)")
    workers = "threads of the server that deliver (default: %(default)s)"
    parser.add_argument("--workers", type=_count, default=1, help=workers)
    keep = "how many messages of each room the server keeps (default: all)"
    parser.add_argument("--keep", type=_messages, help=keep)
    websocket = "let a third of the clients speak WebSocket (default: yes)"
    switch = argparse.BooleanOptionalAction
    parser.add_argument("--websocket", action=switch, default=True, help=websocket)
    redis = "two servers on one Redis, which is killed too, and stands still as they do"
    parser.add_argument("--redis", action="store_true", help=redis)
    lose = "two servers on a Redis that loses what it confirmed: this must be found"
    parser.add_argument("--lose-writes", action="store_true", help=lose)
    irc = "let a sixth of the clients speak IRC (default: yes)"
    parser.add_argument("--irc", action=switch, default=True, help=irc)
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 24 * 60:
        raise argparse.ArgumentTypeError("more than 0, and no more than a day")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 500:
        raise argparse.ArgumentTypeError("1 to 500")
    return value


def _messages(text: str) -> int:
    value = int(text)
    if value < LEAST_KEPT:  # or nobody may see a message before it is gone
        raise argparse.ArgumentTypeError(f"{LEAST_KEPT} or more")
    return value


def _say(line: str) -> None:
    print(line, flush=True)
