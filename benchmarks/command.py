"""What the commands of all benchmarks have in common."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from benchmarks.audit import NUMBER_DIGITS
from benchmarks.clients import RunFailedError
from benchmarks.server_process import ServerFailedError
from protocol.common.descriptors import allow_descriptors


def exit_code_of(measure: Callable[[], int]) -> int:
    """Run `measure` with as many descriptors as there may be.

    Returns:
        What it returns; 1 if the run could not be made; 130 after Ctrl-C or SIGTERM.
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


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which server is measured."""
    add = parser.add_argument
    add("--server", default="chat_server", help="module to run (chat_server)")
    usual = "--no-limits"
    add("--server-args", type=str.split, default=[usual], help=f"for it, in one string ({usual})")


def add_talk(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is said, and for how long."""
    add = parser.add_argument
    add("--seconds", type=float, default=10.0, help="measured, after the warm-up (10)")
    add("--warm-up", type=float, default=2.0, help="seconds that do not count (2)")
    add("--window", type=positive, default=256, help="texts without a reply, each (256)")
    add("--text-bytes", type=text_bytes, default=64, help="(64)")


def show(line: str, faults: Sequence[str]) -> bool:
    """Print a result, with the first of what its audit found. Return whether it found nothing."""
    print(line, flush=True)
    for fault in faults[:5]:
        print(f"        {fault}")
    return not faults


def counts(text: str) -> list[int]:
    """Read an option: numbers of things, with commas between them; a run for each."""
    return [positive(part) for part in text.split(",")]


def counts_or_none(text: str) -> list[int]:
    """Read an option: as `counts`, and 0 is one, too."""
    return [0 if part == "0" else positive(part) for part in text.split(",")]


def positive(text: str) -> int:
    """Read an option: a number of things, 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def text_bytes(text: str) -> int:
    """Read an option: how long a text is."""
    value = int(text)
    if not NUMBER_DIGITS <= value <= 4000:
        raise argparse.ArgumentTypeError(f"{text} is not within {NUMBER_DIGITS} and 4000")
    return value
