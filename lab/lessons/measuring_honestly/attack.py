"""The same server is measured twice: with the next line after the answer, and with a timetable."""

import time

from lab.stage.client import Client
from lab.stage.lesson import Server
from lab.stage.stage import Stage, Verdict

SERVERS = [
    Server("broken.py", "stalls for a second every 500 lines", False),
    Server("mended.py", "does the slow work beside it", True),
]
GUILTY = ["        if len(log) % 500 == 0:", "            checkpoint()"]

CLOSED = 600
"""Lines of the closed loop: one stall."""

RATE, OPEN = 200.0, 1200
"""Lines a second of the open loop, and how many: two stalls."""

LATE = 0.5
"""Seconds after which a line is late."""

SHARE = 0.08
"""Which part of the lines may be late."""


def attack(stage: Stage) -> Verdict:
    """Measure in a closed loop, then in an open one."""
    stage.step("ana comes.")
    ana = stage.join("ana")
    stage.step(f"Closed loop: ana says {CLOSED} lines, each when the one before has come back.")
    closed = sorted(_closed(stage, ana))
    stage.step(f"Open loop: {OPEN} lines are due, {RATE:g} a second, whatever comes back.")
    opened = sorted(_open(stage, ana))
    share = _late(opened) / len(opened)
    numbers = {
        "closed loop": _shown(closed),
        "open loop": _shown(opened),
        f"later than {1000 * LATE:g} ms, closed loop": f"{_late(closed)} of {CLOSED}",
        f"later than {1000 * LATE:g} ms, open loop": f"{_late(opened)} of {OPEN}",
    }
    if share > SHARE:
        return Verdict(
            False,
            f"{share:.0%} of the lines were late for those who send on time. The closed loop saw "
            f"{_late(closed)} of {CLOSED}, since it sends nothing while it "
            "waits.",
            numbers,
        )
    return Verdict(True, "The lines came in time, by both ways of measuring.", numbers)


def _closed(stage: Stage, ana: Client) -> list[float]:
    """The seconds until each line came back, from when it was sent."""
    found = []
    for number in range(CLOSED):
        start = time.monotonic()
        stage.say(ana, f"closed {number}")
        ana.hears_text("ana", f"closed {number}", 10.0)
        found.append(time.monotonic() - start)
    return found


def _open(stage: Stage, ana: Client) -> list[float]:
    """The seconds until each line came back, from when it was due."""
    first = len(ana.messages())
    start = time.monotonic() + 0.1
    for number in range(OPEN):
        due = start + number / RATE
        stage.pause(max(0.0, due - time.monotonic()))
        stage.say(ana, f"open {number}", due=due)
    ana.count_messages(first + OPEN, 20.0)
    came = ana.times()[first:]
    return [at - (start + number / RATE) for number, at in enumerate(came)]


def _late(times: list[float]) -> int:
    return sum(each > LATE for each in times)


def _shown(sorted_times: list[float]) -> str:
    """Percentiles in milliseconds."""
    parts = []
    for name, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
        index = min(len(sorted_times) - 1, int(share * len(sorted_times)))
        parts.append(f"{name} {1000 * sorted_times[index]:.1f} ms")
    return ", ".join(parts)
