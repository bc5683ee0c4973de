"""Programs on a terminal of their own."""

from typing import Any

import pexpect


def end(child: "pexpect.spawn[Any]") -> None:
    """Kill a program if it still runs, and wait until it is gone."""
    try:
        child.close(force=True)
    except pexpect.ExceptionPexpect:  # on a busy machine it takes its time, but was killed
        child.wait()
