"""The options, exit codes and printing of results that all benchmark commands share."""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.audit import NUMBER_DIGITS
from benchmarks.clients import RunFailedError
from benchmarks.server_process import ServerFailedError
from protocol.common.descriptors import allow_descriptors


def exit_code_of(measure: Callable[[], int]) -> int:
    """Run `measure` with as many descriptors as the user may have.

    Returns:
        What `measure` returns; 1 if the run could not be made; 130 after Ctrl-C or SIGTERM.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    allow_descriptors()
    try:
        return measure()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (RunFailedError, ServerFailedError, OSError) as error:
        print(f"the run failed: {error}", file=sys.stderr)
        return 1


def machine() -> list[str]:
    """Return what all figures depend on, a line for each: when, how busy, and which machine."""
    return [
        f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}; load before the run:"
        f" {os.getloadavg()[0]:.2f}",
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.release()}",
    ]


def _processor() -> str:
    for fact in Path("/proc/cpuinfo").read_text().splitlines():
        if fact.startswith("model name"):
            return fact.partition(": ")[2]
    return platform.machine()


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the server."""
    add = parser.add_argument
    add("--server", default="chat_server", help="the module to run (%(default)s)")
    arguments = "its arguments, in one string (--no-limits)"
    add("--server-args", type=str.split, default=["--no-limits"], help=arguments)


def add_talk(parser: argparse.ArgumentParser) -> None:
    """Add the options for what the publishers say, and for how long."""
    add = parser.add_argument
    seconds = "seconds that are measured, after the warm-up (%(default)g)"
    window = "how many texts without a reply each publisher keeps (%(default)s)"
    add("--seconds", type=float, default=10.0, help=seconds)
    add("--warm-up", type=float, default=2.0, help="seconds that are not measured (%(default)g)")
    add("--window", type=positive, default=256, help=window)
    add("--text-bytes", type=text_bytes, default=64, help="size of each text (%(default)s)")


def show(line: str, faults: Sequence[str]) -> bool:
    """Print a result, and the first faults that its audit found. Return whether there are none."""
    print(line, flush=True)
    for fault in faults[:5]:
        print(f"        {fault}")
    return not faults


def counts(text: str) -> list[int]:
    """Read an option: numbers above 0, separated by commas."""
    return [positive(part) for part in text.split(",")]


def counts_or_none(text: str) -> list[int]:
    """Read an option: numbers, which may be 0, separated by commas."""
    return [0 if part == "0" else positive(part) for part in text.split(",")]


def positive(text: str) -> int:
    """Read an option: a number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def text_bytes(text: str) -> int:
    """Read an option: the size of a text, in bytes."""

    value = int(text)
    if not NUMBER_DIGITS <= value <= 4000:
        raise argparse.ArgumentTypeError(f"{text} is not within {NUMBER_DIGITS} and 4000")
    return value
