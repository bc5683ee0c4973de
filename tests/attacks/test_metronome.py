"""What the machine did is told from what the server did."""

import os
import signal
import time

from tests.attacks.metronome import metronome
from tests.support.waiting import eventually


def test_who_stood_still_is_told_for_how_long() -> None:
    """Once; and what the longest of several times was."""
    with metronome() as watched:
        watched.stood_still()
        os.kill(watched.pid, signal.SIGSTOP)
        begun = time.monotonic()
        eventually(lambda: time.monotonic() - begun > 0.3)
        os.kill(watched.pid, signal.SIGCONT)
        eventually(lambda: watched.stood_still() >= 0.29)
        assert watched.stood_still() < 0.29
