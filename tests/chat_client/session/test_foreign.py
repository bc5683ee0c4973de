"""Servers that are none, or bad ones: a clear end, and no harm."""

import threading

import pytest

import chat_client
from chat_client import Connected, Refused
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.waiting import DEADLINE, eventually

pytestmark = pytest.mark.usefixtures("_quick")


def test_a_session_that_is_forgotten() -> None:
    """The chat goes on under a new one; what may have been said is not said again by itself."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit()
        line.expect("say")

    def second(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code="bad_request", text="No such session.")
        assert "session" not in line.welcome(session="another")
        line.admit()
        say = line.expect("say")
        line.send("ok", re=say["id"], seq=1)
        line.wait_for_end()

    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana") as chat,
    ):
        room = chat.join("lobby")
        with pytest.raises(chat_client.Unconfirmed, match="not known whether"):
            room.say("once")
        assert room.say("twice") == 1


def test_a_room_that_is_closed_to_us_meanwhile() -> None:
    """Its readers hear it, and so does whoever listens."""
    joined = threading.Event()

    def first(line: Line) -> None:
        line.welcome()
        line.admit()
        joined.wait(DEADLINE)

    def second(line: Line) -> None:
        line.welcome()
        join = line.expect("join")
        line.send("error", re=join["id"], code="forbidden", text="Not you.")
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(first, second) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        room = chat.join("lobby")
        joined.set()
        with pytest.raises(Refused, match="Not you"):
            next(room)
        eventually(lambda: recorder.of(chat_client.Removed))
        assert chat.joined == []


def test_a_room_is_entered_once_on_each_connection() -> None:
    """However many connections end before the server answers."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit()

    def deaf(line: Line) -> None:
        line.welcome()
        line.expect("join")

    def last(line: Line) -> None:
        line.welcome()
        line.admit(5)
        say = line.expect("say")
        line.send("ok", re=say["id"], seq=6)
        line.wait_for_end()

    with (
        foreign_server(first, deaf, deaf, last) as address,
        chat_client.connect(address, nick="ana", on_event=(recorder := Recorder())) as chat,
    ):
        room = chat.join("lobby")
        eventually(lambda: len(recorder.of(Connected)) == 4)
        assert room.say("hi") == 6
