"""Six clients talk at the same time. Does each message get a number of its own?"""

from collections import Counter
from pathlib import Path

from lab.stage.lesson import Server
from lab.stage.pythons import rows_of_each_python
from lab.stage.stage import Stage, Table, Verdict

SERVERS = [
    Server("broken.py", "read the number, print, write the number", False),
    Server("mended.py", "one lock from the read to the write", True),
]
GUILTY = [
    "    next_number = number + 1",
    '    print(next_number, line.decode(errors="replace"), flush=True)',
    "    number = next_number",
]

TALKERS = ("ana", "ben", "cho", "dan", "eva", "fin")
EACH, ROUNDS = 200, 8
"""Lines that each of them says in a round, and rounds at most."""

PATIENCE = 20.0
"""Seconds that a round may take."""


def attack(stage: Stage) -> Verdict:
    """Count the numbers that one listener gets."""
    stage.step(f"A listener and {len(TALKERS)} talkers come.")
    listener = stage.join("lea")
    talkers = [stage.join(name) for name in TALKERS]
    stage.step(f"Each talker says {EACH} lines, all at the same time; up to {ROUNDS} times.")
    said = received = 0
    # Whether two threads meet is a matter of luck. Each round is another chance.
    while said < ROUNDS * EACH * len(TALKERS) and len(set(listener.numbers())) == received == said:
        for talker in talkers:
            # In one piece, so that the server has something to do for all of them at once.
            talker.send(b"".join(b"%d\n" % number for number in range(EACH)))
            talker.said += EACH
        said += EACH * len(TALKERS)
        received = listener.count_messages(said, PATIENCE)
        stage.breathe()
    counts = Counter(listener.numbers())
    twice = sum(count - 1 for count in counts.values())
    numbers = {
        "messages": f"{received} of {said}",
        "different numbers": str(len(counts)),
        "numbers given out again": str(twice),
        "the highest number": str(max(counts, default=0)),
    }
    if received == said and len(counts) == said and max(counts) == said:
        return Verdict(True, f"{said} messages have the numbers from 1 to {said}.", numbers)
    return Verdict(
        False,
        f"{twice} of {said} messages have a number that another one has: two threads read it "
        "before one of them wrote it.",
        numbers,
    )


COUNT = Path(__file__).with_name("count.py")


def beside() -> list[Table]:
    """Count in threads, with this Python and with those without a GIL that there are."""
    return [
        Table(
            "Four threads count to 200,000 together; how many of the updates are lost",
            ["Python", "code", "lost"],
            rows_of_each_python(COUNT, 3),
        )
    ]
