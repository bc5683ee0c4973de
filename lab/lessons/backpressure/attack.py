"""A client talks faster than the server can store it. Who waits, and where does it pile up?"""

import time

from lab.stage.lesson import Server
from lab.stage.stage import Stage, Verdict

SERVERS = [
    Server("broken.py", "a queue without a bound", False),
    Server("mended.py", "a queue of 100: who talks too fast waits", True),
    Server("cursor.py", "no queue: the store reads the log from its cursor", True),
]
GUILTY = ["waiting = queue.Queue()"]

TEXTS, SIZE = 4_000, 8_000
"""How many lines are said, of how many characters: 32 MB. The store takes 200 a second."""

TIME = 10.0
"""Seconds within which they are said, or not."""

LIMIT = 12.0
"""MB by which the server's memory may grow."""

MB = 1_000_000


def attack(stage: Stage) -> Verdict:
    """Talk as fast as the server reads, and watch its memory."""
    stage.step("ana comes.")
    ana = stage.join("ana")
    before = stage.server.report.memory
    stage.step(f"ana says {TEXTS:,} lines of 8 KB without waiting for anything.")
    said, end = 0, time.monotonic() + TIME
    while said < TEXTS and time.monotonic() < end and ana.say("x" * SIZE):
        said += 1
        if said % 100 == 0:
            stage.breathe()
    stage.is_read(ana, max(0.0, end - time.monotonic()))
    grown = (stage.server.most_memory - before) / MB
    queue = stage.server.report.values.get("waiting")
    numbers = {
        f"lines that the server took in {TIME:g} s": f"{said:,} of {TEXTS:,}",
        "lines in the queue": "no queue" if queue is None else f"{queue:,}",
        "memory": f"grew by {grown:.1f} MB",
    }
    if not before:
        return Verdict(False, "This system does not say how much memory a process has.", numbers)
    if grown > LIMIT:
        return Verdict(
            False,
            f"The server took everything, and its memory grew by {grown:.0f} MB. With a talker "
            "that does not stop, it grows until there is none.",
            numbers,
        )
    took = "everything" if said == TEXTS else f"{said:,} lines in {TIME:g} s"
    return Verdict(True, f"The server took {took}, and its memory stayed.", numbers)
