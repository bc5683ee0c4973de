"""A server is played: somebody watches while the attack runs."""

import msgspec
import pytest

from lab.lessons.catalogue import lesson
from lab.stage.client import Client
from lab.stage.errors import ServerError
from lab.stage.play import play
from lab.stage.stage import Snapshot, Stage, Verdict
from tests.support.leaks import nothing_left_behind

LESSON = lesson("iterative-server")
MENDED = LESSON.servers[1]


def test_the_last_snapshot_has_everything() -> None:
    """All steps, and all clients with what they received."""
    seen: list[Snapshot] = []
    verdict = play(LESSON, MENDED, lambda _, now: seen.append(now))
    assert verdict is not None
    assert verdict.passed
    assert seen
    assert seen[-1].steps[-1] == "ana hangs up."
    assert [(row.name, row.said) for row in seen[-1].clients] == [("ana", 1), ("ben", 1)]
    assert [row.state for row in seen[-1].clients] == ["closed", "reads"]


def test_who_watches_may_stop_it() -> None:
    """Then there is no verdict."""

    def watch(stage: Stage, now: Snapshot) -> None:
        if now.steps:
            stage.stop()

    with nothing_left_behind():
        assert play(LESSON, LESSON.servers[0], watch, step_by_step=True) is None


def test_a_server_that_fails_the_attack_by_an_error_breaks() -> None:
    """Its sentence is the verdict."""

    def attack(_: Stage) -> Verdict:
        raise ServerError("The server does not accept a connection: Connection refused.")

    verdict = play(
        msgspec.structs.replace(LESSON, attack=attack), MENDED, lambda _stage, _now: None
    )
    assert verdict == Verdict(False, "The server does not accept a connection: Connection refused.")


def test_a_mistake_in_an_attack_is_not_hidden() -> None:
    """It is raised where the lesson is played, and nothing is left."""

    def attack(stage: Stage) -> Verdict:
        client: Client = stage.join("ana")
        raise ZeroDivisionError(client.name)

    with nothing_left_behind(), pytest.raises(ZeroDivisionError, match="ana"):
        play(msgspec.structs.replace(LESSON, attack=attack), MENDED, lambda _stage, _now: None)
