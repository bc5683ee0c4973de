"""Requests that wait for a reply."""

import threading
from pathlib import Path

import pytest

import chat_client
from chat_client import ChatError, Closed, Reconnecting
from chat_client.session import reader as reader_module
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.leaks import nothing_left_behind
from tests.support.servers import ServerProcess
from tests.support.waiting import DEADLINE, eventually

pytestmark = pytest.mark.usefixtures("_quick")


def test_waits_where_the_server_asks_for_it() -> None:
    """`rate_limited` and `unavailable` with a delay: said again, and the user is told."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        for code in ("rate_limited", "unavailable"):
            say = line.expect("say")
            line.send("error", re=say["id"], code=code, text="Slower.", retry_after=0.01)
        say = line.expect("say")
        assert say["text"] == "hi"
        line.send("ok", re=say["id"], seq=1)
        line.wait_for_end()

    recorder = Recorder()
    with (
        foreign_server(script) as address,
        chat_client.connect(address, nick="ana", on_event=recorder) as chat,
    ):
        assert chat.join("lobby").say("hi") == 1
    assert [event.reason for event in recorder.of(chat_client.Postponed)] == ["Slower."] * 2


def test_closing_ends_such_a_wait() -> None:
    """A server that asks for an hour does not keep anybody."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        say = line.expect("say")
        line.send("error", re=say["id"], code="rate_limited", text="Slower.", retry_after=1e9)
        line.wait_for_end()

    with nothing_left_behind(), foreign_server(script) as address:
        chat = chat_client.connect(address, nick="ana", on_event=(recorder := Recorder()))
        room = chat.join("lobby")

        def close() -> None:
            eventually(lambda: recorder.of(chat_client.Postponed))
            chat.close()

        closer = threading.Thread(target=close)
        closer.start()
        with pytest.raises(Closed):
            room.say("hi")
        closer.join(DEADLINE)


def test_replies_that_are_no_replies() -> None:
    """A reply that lacks what belongs there, or is of another type, is the server's mistake."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        line.send("ok", re=77)
        line.send("error", re=None, code="odd", text="?")
        line.send("ok", re=line.expect("say")["id"])
        line.send("page", re=line.expect("say")["id"], more=False)
        line.send("ok", re=line.expect("who")["id"])
        line.send("page", re=line.expect("who")["id"], more=True)
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        room = chat.join("lobby")
        for ask in (lambda: room.say("hi"), lambda: room.say("hi"), room.who):
            with pytest.raises(ChatError, match="broke the protocol"):
                ask()
        assert room.who() == []


def test_everything_that_waits_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only what is said: a question that the server's end swallowed is answered, too."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.05)
    server = ServerProcess.serve(tmp_path)
    recorder = Recorder()
    with chat_client.connect(server.address, nick="ana", on_event=recorder) as chat:
        room = chat.join("lobby")
        room.say("hi")
        server.kill()
        eventually(lambda: recorder.of(Reconnecting))
        answers: list[object] = []
        asking = [
            threading.Thread(target=lambda ask=ask: answers.append(ask()))
            for ask in (
                room.who,
                lambda: [message.text for message in room.history(5)],
                lambda: chat.join("ops").name,
                lambda: room.set_topic("again"),
                lambda: chat.rename("anna"),
            )
        ]
        for thread in asking:
            thread.start()
        server = server.restarted()
        for thread in asking:
            thread.join(DEADLINE)
        server.close()
    assert {str(answer) for answer in answers} >= {"ops", "2", "anna"}
    assert len(answers) == 5
