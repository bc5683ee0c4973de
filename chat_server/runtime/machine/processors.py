"""On which of the machine's processors the server's threads run: nearly all of them on one.

One thread at a time has the interpreter, however many processors there are. Where threads are on
several, each that is handed the interpreter has a processor woken for it, and all that both touch
moves from the caches of one to those of the other, down to the counts of references to a function.
On one processor, a thread that lets the interpreter go for a short system call has it again before
another wakes. Small rooms take a third to a half less processor time like that, who talks beside a
crowd waits half as long, and large rooms lose nothing: see docs/performance.md.

What takes long without the interpreter may run anywhere: see `on_any`.
"""

import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class _Kept:
    """What the threads of this process keep to. Written before there is more than one of them.

    Attributes:
        one: the processor; None if they keep to none.
        allowed: those that they might run on.
        claim: the socket that tells other servers that it is taken.
    """

    one: int | None = None
    allowed: frozenset[int] = frozenset()
    claim: socket.socket | None = None


def keep_to_one() -> int | None:
    """Have the calling thread keep to one processor, and all threads that are started later.

    It is any that this process may use (`sched_setaffinity(2)`), and that no other server keeps
    to. To be called once, while there is no other thread.

    Returns: its number. None if the threads may run anywhere, as before: the system knows no such
        thing or forbids it, there is no choice, each has a server already, or threads share no
        interpreter.
    """
    if sys.platform != "linux" or not _have_one_interpreter():
        return None
    allowed = os.sched_getaffinity(0)
    if len(allowed) == 1:
        return None
    for number in secrets.SystemRandom().sample(sorted(allowed), len(allowed)):
        claim = _claim(number)
        if claim is None:
            continue
        try:
            os.sched_setaffinity(0, {number})
        except OSError:  # a sandbox forbids it
            claim.close()
            return None
        _Kept.one, _Kept.allowed, _Kept.claim = number, frozenset(allowed), claim
        return number
    return None


@contextmanager
def on_any() -> Iterator[None]:
    """Let the calling thread run on any processor meanwhile.

    For what takes long without the interpreter: on the one of all other threads it would take
    turns with the one that has it.
    """
    if _Kept.one is None:
        yield
        return
    _run_on(_Kept.allowed)
    try:
        yield
    finally:
        _run_on({_Kept.one})


def _have_one_interpreter() -> bool:
    """Whether one thread at a time has it: not in free-threaded CPython."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def _claim(number: int) -> socket.socket | None:
    """Take a processor, as long as this process lives: by a name that one socket can have.

    It is no file (unix(7), abstract), so nothing is left of it. In another network namespace there
    are other names.
    """
    try:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:
        return None
    try:
        claim.bind(f"\0backchannel-processor-{number}")
    except OSError:
        claim.close()
        return None
    return claim


def _run_on(processors: frozenset[int] | set[int]) -> None:
    """Let the calling thread run on some, unless they were taken from this process meanwhile."""
    with suppress(OSError):
        os.sched_setaffinity(0, processors)
