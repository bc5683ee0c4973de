"""The stage: a real server, real clients, and what an attack may do with them."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.lessons.catalogue import lesson
from lab.stage.errors import ServerError, Stopped
from lab.stage.server import LessonServer
from lab.stage.stage import Stage
from tests.support.leaks import nothing_left_behind
from tests.support.waiting import DEADLINE, eventually

FROZEN = lesson("frozen-reader")
BROKEN, MENDED = (FROZEN.folder / file for file in ("broken.py", "mended.py"))


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage with a chat server on it, which leaves nothing behind."""
    with nothing_left_behind(), Stage(MENDED) as made:
        yield made


def test_clients_talk(stage: Stage) -> None:
    """What one says, all hear, with its number."""
    ana, ben = stage.join("ana"), stage.join("ben")
    assert stage.say(ana, "hello")
    assert ben.hears_text("ana", "hello")
    assert ben.numbers() == [1]
    assert ben.lines == ["welcome ben", "1 ana: hello"]


def test_a_suspended_client_reads_nothing_until_it_is_resumed(stage: Stage) -> None:
    """What comes for it waits in the kernel."""
    ana, ben = stage.join("ana"), stage.join("ben")
    ben.suspend()
    stage.say(ana, "hello")
    assert ana.hears_text("ana", "hello")
    eventually(lambda: ben.unread > 0)
    assert ben.messages() == []
    assert [row.state for row in stage.snapshot().clients] == ["reads", "suspended"]
    ben.resume()
    assert ben.hears_text("ana", "hello")
    assert ben.unread == 0


def test_a_client_that_is_unplugged_does_not_talk_either(stage: Stage) -> None:
    """Nothing goes out, and its connection stays."""
    ana = stage.join("ana")
    ana.unplug()
    assert not stage.say(ana, "hello", 0.1)
    assert not ana.ended


def test_a_client_that_is_cut_is_gone(stage: Stage) -> None:
    """And the others go on."""
    ana, ben = stage.join("ana"), stage.join("ben")
    ana.cut()
    assert ana.ended
    stage.say(ben, "hello")
    assert ben.hears_text("ben", "hello")
    assert [row.state for row in stage.snapshot().clients] == ["closed", "reads"]


def test_a_client_may_say_that_nothing_more_comes(stage: Stage) -> None:
    """The server ends the connection; the client has read to its end."""
    ana = stage.join("ana")
    ana.shut()
    assert ana.wait(lambda: ana.ended)


def test_what_takes_long_is_seen_before_it_has_come(stage: Stage) -> None:
    """The latency strip grows while a text is under way."""
    ana = stage.join("ana")
    ana.suspend()
    stage.say(ana, "hello")
    eventually(lambda: max(stage.snapshot().strip, default=0) > 300)
    ana.resume()
    assert ana.hears_text("ana", "hello")


@pytest.mark.long
def test_the_server_shows_who_holds_a_lock_and_who_waits() -> None:
    """And the bytes that wait for a client that does not read."""
    with Stage(BROKEN) as stage:
        ana, ben, dan = stage.join("ana"), stage.join("ben"), stage.join("dan", buffer=65536)
        dan.suspend()
        assert stage.fill(ana, 600) < 600
        stage.say(ben, "hello")

        def seen() -> bool:
            threads = stage.server.report.threads
            holds = [each for each in threads if each.holds == ["lock"]]
            waits = [each for each in threads if each.waits == "lock"]
            return [each.state for each in holds] == ["send"] and len(waits) == 1

        eventually(seen)
        assert stage.server.report.values["clients"] == 3
        assert stage.snapshot().clients[2].unsent > 0


def test_step_by_step(stage: Stage) -> None:
    """A step waits for `go_on`; a stopped stage ends the attack at its next step."""
    stage.step_by_step = True
    seen: list[str] = []

    def attack() -> None:
        try:
            for text in ("one", "two"):
                stage.step(text)
                seen.append(text)
        except Stopped:
            seen.append("stopped")

    thread = threading.Thread(target=attack)
    thread.start()
    eventually(lambda: stage.snapshot().waits)
    assert seen == []
    stage.go_on()
    eventually(lambda: seen == ["one"] and stage.snapshot().waits)
    stage.stop()
    thread.join(DEADLINE)
    assert seen == ["one", "stopped"]
    assert stage.snapshot().steps == ["one", "two"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("print('I give up')", "ended with code 0. Its last words: I give up"),
        ("import sys\nsys.exit(3)", "ended with code 3 and said nothing"),
        ("1/0", "ended with code 1. Its last words: ZeroDivisionError: division by zero"),
        ("this is no Python", "SyntaxError"),
    ],
)
def test_a_server_that_does_not_start_is_named(tmp_path: Path, source: str, sentence: str) -> None:
    """With its exit code and its last words."""
    path = tmp_path / "server.py"
    path.write_text(source, encoding="utf-8")
    with nothing_left_behind(), pytest.raises(ServerError, match=sentence), Stage(path):
        pass


def test_a_server_that_listens_elsewhere_is_named(tmp_path: Path) -> None:
    """After its time is over."""
    path = tmp_path / "server.py"
    path.write_text(
        "import socket\nlistener = socket.create_server(('127.0.0.1', 0))\nlistener.accept()\n",
        encoding="utf-8",
    )
    with (
        nothing_left_behind(),
        LessonServer(path) as server,
        pytest.raises(ServerError, match="does not listen on port"),
    ):
        server.wait_until_listening(0.5)
