"""How long the machine itself stood still, as virtual ones do: nobody is to be blamed for that.

A process of its own wakes every few milliseconds on each processor, ahead of all others if it may
(`sched(7)`, SCHED_FIFO), and notes how late it was.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

BEAT = 0.002
"""Seconds between two beats."""


class Metronome:
    """The process, as seen by whoever started it.

    Attributes:
        pid: its number.
    """

    def __init__(self, pid: int, pipe: "Connection[Any, Any]") -> None:
        self.pid = pid
        self._pipe = pipe

    def stood_still(self) -> float:
        """Return the longest time, in seconds, that a processor stood still since it was asked."""
        self._pipe.send("?")
        longest: float = self._pipe.recv()
        return longest


@contextmanager
def metronome() -> Iterator[Metronome]:
    """Start the process. It ends with the block."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=_run, args=(far,), daemon=True)
    process.start()
    far.close()
    assert process.pid is not None
    try:
        yield Metronome(process.pid, near)
    finally:
        process.kill()
        process.join()


def _run(pipe: "Connection[Any, Any]") -> None:
    """In the process: beat, and tell how late a beat was whenever that is asked."""
    processors = os.sched_getaffinity(0)
    longest: dict[int, float] = {}
    for processor in processors:
        threading.Thread(target=_beat, args=(processor, longest), daemon=True).start()
    with suppress(EOFError):
        while True:
            pipe.recv()
            pipe.send(max(longest.pop(processor, 0.0) for processor in processors))


def _beat(processor: int, longest: dict[int, float]) -> None:
    os.sched_setaffinity(0, {processor})
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    due = time.monotonic() + BEAT
    while True:
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        longest[processor] = max(longest.get(processor, 0.0), now - due)
        due = now + BEAT
