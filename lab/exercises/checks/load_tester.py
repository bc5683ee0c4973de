"""The exercise on measuring: a load tester that measures a server which stalls on purpose.

The server that is measured is the check itself, so it knows from when on each line was due, and
when it answered. From that follows how long each line took at least, and so what a report says at
least. No limit on what is slow is needed: a busy machine makes latencies longer, never shorter.
"""

import math
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from lab.exercises.peer import Peer, Wrong, shown
from lab.exercises.target import Target

_RATE = 100  # lines a second
_FEW, _MANY = 40, 100  # lines
_STALL, _SHORT_STALL = 1.0, 0.1  # seconds
_ON_TIME = 55  # lines of _MANY that are answered at once; the others wait for the end of the stall
_MEDIAN_SHARE = 0.25
"""Which part of the stall a median may reach of which more than half was answered at once."""

_TOLERANCE = 10.0  # milliseconds, for rounding and for clocks that differ
_ROUNDING = 0.01
_ATTEMPTS = 3

_NAMES, _SHARES = ("p50", "p99", "max"), (0.5, 0.99, 1.0)
_LONGEST_REPORT = 200  # bytes

_REPORT = re.compile(rb"p50 (\d+(?:\.\d+)?) p99 (\d+(?:\.\d+)?) max (\d+(?:\.\d+)?)\r?\n")
_FORM = '"p50 A p99 B max C", with three numbers of milliseconds,'


@dataclass(frozen=True)
class _Run:
    """One measurement.

    Attributes:
        report: the reported milliseconds: median, 99th percentile, maximum.
        took: milliseconds from the request to the report.
        at_least: milliseconds that each line took at least, the shortest first.
        last_at: milliseconds from the request until the last line came.
    """

    report: Sequence[float]
    took: float
    at_least: Sequence[float]
    last_at: float


def check_load_tester(target: Target) -> None:
    """Lines are sent when they are due, and counted from then on."""
    with target.paragraph("Measure and report"):
        asker = target.connect("the client that asks for reports")
        _believe(_measure(target, asker, _FEW, at_once=_FEW - 1, stall=_SHORT_STALL))
    with target.paragraph("Send when it is due"):
        run = _measure(target, asker, _FEW, at_once=0)
        due = 1000 * (_FEW - 1) / _RATE
        if run.last_at < due - _TOLERANCE:
            raise Wrong(
                f"line {_FEW - 1} came {run.last_at:.0f} ms after the request",
                f"a line that is sent when it is due, {due:.0f} ms after the request,",
            )
        _believe(run)
    with target.paragraph("A stall counts for all who were due"):
        for _ in range(_ATTEMPTS):
            run = _measure(target, asker, _MANY, at_once=_ON_TIME, stall=_STALL)
            _believe(run)
            median, most = run.report[0], 1000 * _STALL * _MEDIAN_SHARE
            if median <= most:
                break  # a machine that is very busy stalls, too, and deserves another attempt
        else:
            raise Wrong(
                f"your report said p50 {median:g} although {_ON_TIME} of {_MANY} lines were "
                "answered at once",
                f"a median of less than {most:g} ms",
            )
    with target.paragraph("When you are late yourself"):
        _believe(_measure(target, asker, _MANY, suspend_at=_MANY // 3))


def _measure(
    target: Target,
    asker: Peer,
    count: int,
    at_once: int | None = None,
    stall: float = 0,
    suspend_at: int | None = None,
) -> _Run:
    """Let the load tester measure this check.

    Args:
        target: the load tester.
        asker: the client that tells it what to measure.
        count: how many lines it is to send.
        at_once: how many of them are answered when they come, all if None. The others are answered
            when the last one has come, and the stall is over.
        stall: seconds from then on.
        suspend_at: the line at which the load tester is suspended for a while, if at any.

    Raises:
        Wrong: it does not do what it is told.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        began = time.monotonic()
        asker.send(f"measure {port} {_RATE} {count}\n".encode())
        with _accepted(target, listener) as measured:
            came: list[float] = []
            answered: list[float] = []
            for number in range(count):
                _expect_line(measured, number, came)
                if suspend_at == number:
                    _suspend(target)
                if at_once is None or number < at_once:
                    answered.append(_answer(measured, number))
            threading.Event().wait(stall)
            answered += [_answer(measured, number) for number in range(len(answered), count)]
            report = _report(asker)
            ended = time.monotonic()
    # Line 0 was due when it came or before that, and line n came back after it was answered.
    at_least = [at - came[0] - number / _RATE for number, at in enumerate(answered)]
    return _Run(
        report,
        1000 * (ended - began),
        sorted(1000 * max(0.0, each) for each in at_least),
        1000 * (came[-1] - began),
    )


def _accepted(target: Target, listener: socket.socket) -> Peer:
    """Return the connection over which the lines come."""
    listener.settimeout(max(0.001, target.clock.until() - time.monotonic()))
    try:
        sock, _ = listener.accept()
    except TimeoutError:
        port = listener.getsockname()[1]
        raise Wrong(
            f"nobody connected to port {port} after the request to measure it",
            "a connection to the server that is to be measured",
            silent=True,
        ) from None
    return target.adopt(sock, "the server that is measured")


def _expect_line(measured: Peer, number: int, came: list[float]) -> None:
    measured.expect(b"%d\n" % number, f"line {number}, which is due,")
    came.append(time.monotonic())
    measured.note(f"had received line {number}")


def _answer(measured: Peer, number: int) -> float:
    """Send a line back. Return when, or a little before that."""
    now = time.monotonic()
    measured.send(b"%d\n" % number, f"answered line {number}")
    return now


def _suspend(target: Target) -> None:
    """Let nothing of the load tester run for a while, as on a machine that has no time for it."""
    target.process.suspend()
    try:
        threading.Event().wait(_STALL)
    finally:
        target.process.resume()


def _report(asker: Peer) -> list[float]:
    """Read a report."""
    asker.note("had an answer to each line sent")
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST_REPORT:
        line += asker.read_bytes(1, f"the report {_FORM}")
    found = _REPORT.fullmatch(line)
    if not found:
        raise Wrong(f"your report was {shown(line)}", f"a report {_FORM}")
    return [float(number) for number in found.groups()]


def _believe(run: _Run) -> None:
    """Compare a report with what is known.

    Raises:
        Wrong: it says less than what the lines took at least, or more than the whole run.
    """
    count = len(run.at_least)
    for name, share, said in zip(_NAMES, _SHARES, run.report, strict=True):
        # The nearest rank: the least value that at least this share of all values does not exceed.
        least = run.at_least[math.ceil(share * count) - 1]
        if said < least * (1 - _ROUNDING) - _TOLERANCE:
            slow = sum(each >= least for each in run.at_least)
            raise Wrong(
                f"your report said {name} {said:g} although {slow} of {count} lines had their "
                f"answers {least:.0f} ms or more after they were due",
                f"{name} {least:.0f} or more",
            )
        if said > run.took:
            raise Wrong(
                f"your report said {name} {said:g}, and all of it took {run.took:.0f} ms",
                "a number of milliseconds that is not larger",
            )
