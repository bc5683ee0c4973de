"""Every broken server fails its own attack, and every other one withstands it."""

import pytest

from lab.lessons.catalogue import lesson, lessons
from lab.stage.lesson import Lesson, Server
from lab.stage.play import play
from lab.stage.stage import Stage
from tests.support.leaks import nothing_left_behind

ALL = lessons()
PLAYS = [
    pytest.param(each, server, id=f"{each.name}-{server.file}")
    for each in ALL
    for server in each.servers
]


@pytest.mark.parametrize(("played", "server"), PLAYS)
def test_an_attack_finds_what_is_wrong(played: Lesson, server: Server) -> None:
    """And nothing where nothing is. No thread, no descriptor and no process is left."""
    pids = []

    def watch(stage: Stage, _: object) -> None:
        pids.append(stage.server.pid)

    with nothing_left_behind():
        verdict = play(played, server, watch)
    assert verdict is not None
    assert verdict.passed == server.withstands, verdict
    assert verdict.sentence
    assert not _runs(pids[0])
    assert lesson(played.name).number == played.number


def _runs(pid: int) -> bool:
    import os

    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True
