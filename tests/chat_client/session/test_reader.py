"""The reader keeps a connection, and makes another when it is lost."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

import chat_client
from chat_client import Closed, Connected, Ended
from chat_client.session import reader as reader_module
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.waiting import DEADLINE, eventually

pytestmark = pytest.mark.usefixtures("_quick")


@pytest.mark.parametrize("code", ["kicked", "replaced", "banned", "flooding", "something_new"])
def test_a_goodbye_that_is_meant(code: str) -> None:
    """The chat ends with the reason, for everybody who waits, and is not taken up again."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        line.expect("say")
        line.send("goodbye", code=code, text="Because.")

    recorder = Recorder()
    with foreign_server(script) as address:
        with chat_client.connect(address, nick="ana", on_event=recorder) as chat:
            room = chat.join("lobby")
            with pytest.raises(Closed, match="Because") as caught:
                room.say("hi")
            assert caught.value.code == code
            with pytest.raises(Closed, match="Because"):
                next(room)
            with pytest.raises(Closed, match="Because"):
                chat.join("ops")
        assert recorder.events[-1] == Ended("Because.", code)


@pytest.mark.parametrize("code", ["shutting_down", "idle_timeout", "hello_timeout", "internal"])
def test_a_goodbye_for_now(code: str) -> None:
    """The client comes back with its session and its cursor, and says again what was lost."""
    seen: list[dict[str, object]] = []

    def first(line: Line) -> None:
        line.welcome()
        line.admit(7)
        line.post("lobby", 8, "eight")
        seen.append(line.expect("say"))
        line.send("goodbye", code=code, text="Later.")

    def second(line: Line) -> None:
        seen.append(line.welcome())
        seen.append(line.admit(8))
        say = line.expect("say")
        seen.append(say)
        line.post("lobby", 9, "mine")
        line.send("ok", re=say["id"], seq=9)
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        room = chat.join("lobby")
        assert room.say("mine") == 9
        assert [message.text for message in itertools.islice(room, 2)] == ["eight", "mine"]
    said, hello, join, again = seen
    assert hello["session"] == "secret"
    assert join["after"] == 8
    assert again == said
    assert [event.again for event in recorder.of(Connected)] == [False, True]


def test_a_nick_that_was_taken_meanwhile() -> None:
    """Our own dead connection may have it, so the client tries until it is free."""

    def first(line: Line) -> None:
        line.welcome()

    def second(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code="nick_in_use", text="Taken.")

    def third(line: Line) -> None:
        line.welcome()
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(first, second, third) as address,
        chat_client.connect(address, nick="ana", on_event=recorder),
    ):
        eventually(lambda: len(recorder.of(Connected)) == 2)
    assert [event.reason for event in recorder.of(chat_client.Reconnecting)][1] == "Taken."


def test_measures_the_way_there_and_back() -> None:
    """A pong to another ping, or to no ping, measures nothing."""

    def script(line: Line) -> None:
        line.welcome()
        line.send("pong", re=77)
        ping = line.expect("ping")
        assert ping["id"] > 0
        line.send("pong", re=ping["id"])
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        assert chat.round_trip is None
        chat.measure()
        assert eventually(lambda: (chat.round_trip or 0) > 0)
    assert chat.round_trip is None


def test_a_retry_is_made_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Now rather than after the delay; and with a pause not before that."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 3600.0)
    monkeypatch.setattr(reader_module, "_LONGEST_DELAY", 3600.0)

    def come_and_go(line: Line) -> None:
        line.welcome()

    def stay(line: Line) -> None:
        line.welcome()
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(come_and_go, stay) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        eventually(lambda: recorder.of(chat_client.Reconnecting))
        chat.pause()
        assert not chat.connected
        chat.retry()
        eventually(lambda: len(recorder.of(Connected)) == 2)


def test_answers_pings_and_asks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that falls silent is asked, and given up if it stays so."""
    monkeypatch.setattr(reader_module, "_SILENCE", 0.1)

    def first(line: Line) -> None:
        line.welcome()
        line.send("ping", id=5)
        assert line.expect("pong")["re"] == 5
        assert line.expect("ping")
        line.send("pong", re=1)
        assert line.expect("ping")
        with pytest.raises(EOFError):
            line.receive()

    def second(line: Line) -> None:
        line.welcome()
        line.send("goodbye", code="kicked", text="Enough.")

    recorder = Recorder()
    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder),
    ):
        eventually(lambda: recorder.of(Ended))
    assert "does not answer any more" in recorder.of(chat_client.Reconnecting)[0].reason


def test_a_server_that_stops_reading_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A send that takes too long breaks the connection. No caller waits in a send."""
    monkeypatch.setattr(reader_module, "_SILENCE", 0.2)
    recorder = Recorder()

    def first(line: Line) -> None:
        line.welcome()
        line.admit()
        eventually(lambda: recorder.of(chat_client.Reconnecting))

    def second(line: Line) -> None:
        line.welcome()
        line.admit()
        for _ in range(300):
            line.send("ok", re=line.expect("say")["id"], seq=1)
        line.wait_for_end()

    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
        ThreadPoolExecutor(300) as pool,
    ):
        room = chat.join("lobby")
        said = [pool.submit(room.say, "漢" * 4000) for _ in range(300)]
        assert [each.result(DEADLINE) for each in said] == [1] * 300
