"""What the commands of all benchmarks have in common."""

import argparse
import resource
import signal
import sys
from collections.abc import Callable

from benchmarks.audit import NUMBER_DIGITS
from benchmarks.clients import RunFailedError
from benchmarks.server_process import ServerFailedError


def exit_code_of(measure: Callable[[], int]) -> int:
    """Run `measure` with as many descriptors as there may be.

    Returns:
        What it returns; 1 if the run could not be made; 130 after Ctrl-C or SIGTERM.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        return measure()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (RunFailedError, ServerFailedError, OSError) as error:
        print(f"the run failed: {error}", file=sys.stderr)
        return 1


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
