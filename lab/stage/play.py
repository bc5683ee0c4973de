"""One server of a lesson, played: the attack runs, and somebody watches."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from lab.stage.errors import ServerError, Stopped
from lab.stage.lesson import Lesson, Server
from lab.stage.stage import Snapshot, Stage, Verdict

INTERVAL = 0.1
"""Seconds between two snapshots."""

Watch = Callable[[Stage, Snapshot], None]
"""Is called with each snapshot, on the thread that plays."""


def play(
    lesson: Lesson, server: Server, watch: Watch, *, step_by_step: bool = False
) -> Verdict | None:
    """Play the lesson's attack on one of its servers.

    Args:
        lesson: the lesson.
        server: one of its servers.
        watch: is called ten times a second, and once at the end.
        step_by_step: whether the attack waits before each step until `Stage.go_on`.

    Returns:
        What the attack found; None if `watch` stopped the stage.

    Raises:
        ServerError: the server did not start.
    """
    with (
        Stage(lesson.path(server), step_by_step=step_by_step) as stage,
        ThreadPoolExecutor(1, "lab-attack") as executor,
    ):
        attack = executor.submit(_attack, lesson, stage)
        try:
            while not attack.done():
                watch(stage, stage.snapshot())
                wait([attack], INTERVAL)
            watch(stage, stage.snapshot())
        finally:
            stage.stop()
        return attack.result()


def _attack(lesson: Lesson, stage: Stage) -> Verdict | None:
    try:
        return lesson.attack(stage)
    except Stopped:
        return None
    except ServerError as error:
        return Verdict(False, str(error))
