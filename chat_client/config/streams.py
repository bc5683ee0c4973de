"""stdout and stderr, which may be closed, full, or have nobody who reads them.

What the client has to tell a person goes to stderr, and is given up where that cannot be written:
it must not end a chat. What is printed for a program goes to stdout, and an error there is told.
"""

import errno
import os
import sys
import threading
from typing import TextIO

from chat_client.config.exit_codes import NOT_SAID
from chat_client.files.osdep import takes_text, write_all

_PATIENCE = 5.0
"""Seconds that stderr, where it is a pipe that nobody empties, may hold up who tells something."""

_PIECE = 1000
"""Characters, which a pipe takes without a wait if it takes any."""

_telling = threading.Lock()
"""Guards _stalled; a leaf."""

_stalled = False


def tell(text: str) -> None:
    """Write a line to stderr, if that can be. Never raises, and waits for seconds at the most.
    From any thread.
    """
    global _stalled
    if sys.stderr is None:
        return
    with _telling:
        patience = 0.0 if _stalled else _PATIENCE
    line = f"{text}\n"
    stalled = False
    try:
        for start in range(0, len(line), _PIECE):
            stalled = not takes_text(sys.stderr, patience)
            if stalled:
                break
            write_all(sys.stderr, line[start : start + _PIECE])
    except (OSError, ValueError):  # full, closed, or its terminal is gone
        return
    with _telling:
        _stalled = stalled


def write(text: str) -> None:
    """Write a line to stdout.

    Raises:
        OSError: it cannot be written.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    write_all(sys.stdout, f"{text}\n")


def show(text: str) -> bool:
    """Write a text to stdout, and tell if it cannot be written; return whether it was."""
    try:
        write(text)
    except OSError as error:
        tell_unwritable(error)
        return False
    return True


def tell_unwritable(error: OSError) -> None:
    """Tell why stdout cannot be written. Who closed the pipe, as `head` does, knows it."""
    if error.errno != errno.EPIPE:
        tell(f"chat-client: cannot write to stdout: {error.strerror or error}")


def flush(code: int) -> int:
    """Write what is still to be written to stdout, before the program ends.

    Args:
        code: the exit code otherwise.

    Returns:
        The exit code.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        discard(sys.stdout)
        tell_unwritable(error)
        return code or NOT_SAID
    return code


def discard(stream: TextIO | None) -> None:
    """Let a stream lead nowhere, so that what is left in its buffer does not fail again when the
    interpreter ends.
    """
    if stream is None:
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
