"""An older backup is restored: what was seen behind it is gone, and all that is there now comes."""

import shutil
from pathlib import Path

import pytest

import chat_client
from chat_client import Entered
from chat_client.display.state.model import View
from chat_client.display.terminal_lines import Lines
from protocol.messages import Message
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import DEADLINE, eventually

pytestmark = pytest.mark.usefixtures("_quick")


def heard_texts(recorder: Recorder) -> list[str]:
    """What was said in the lobby, as it came."""
    return [event.text for event in recorder.of(Message)]


def test_a_member_who_heard_further_gets_all_that_was_said(tmp_path: Path) -> None:
    """After a restart on an older history each message comes once, and the loss is told."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    recorder = Recorder()
    server = ServerProcess.serve(data)
    try:
        with chat_client.connect(server.address.removeprefix("tcp://"), nick="ana") as talker:
            room = talker.join("lobby")
            for text in ("one", "two"):
                room.say(text)
        server.terminate()
        server.wait()
        shutil.copytree(data, copy)
        server = server.restarted()
        address = server.address.removeprefix("tcp://")
        with chat_client.connect(address, nick="ben", on_event=recorder) as ben:
            lobby = ben.join("lobby", after=0, bots=True)
            lobby.say("three")
            lobby.say("four")
            assert lobby.wait_for(4, DEADLINE)
            ben.pause()
            server.kill()
            shutil.rmtree(data)
            copy.rename(data)
            server = server.restarted()
            with Peer.connect(server.address) as peer:
                peer.hello("eva")
                peer.join("lobby")
                for text in ("another three", "another four", "five"):
                    peer.say("lobby", text)
            ben.retry()
            assert lobby.wait_for(5, DEADLINE)
            expected = ["one", "two", "three", "four", "another three", "another four", "five"]
            eventually(lambda: heard_texts(recorder) == expected)
            # The reader, which had taken nothing yet, gets the log as it is now.
            assert [next(lobby).text for _ in range(5)] == ["one", "two", *expected[4:]]
    finally:
        server.close()
    again = [event for event in recorder.of(Entered) if event.again]
    assert [(event.after, event.gone, event.lost) for event in again] == [(2, 2, 0)]


def test_a_program_that_keeps_its_place(tmp_path: Path) -> None:
    """`place` and `join` with both of it: in the same log, and in another one."""
    server = ServerProcess.serve(tmp_path)
    try:
        with chat_client.connect(server.address.removeprefix("tcp://"), nick="ana") as ana:
            room = ana.join("lobby")
            for text in ("one", "two"):
                room.say(text)
            assert room.wait_for(2, DEADLINE)
            seq, log = room.place
        assert seq == 2
        assert log
        recorder = Recorder()
        address = server.address.removeprefix("tcp://")
        with chat_client.connect(address, nick="ana", on_event=recorder) as ana:
            room = ana.join("lobby", after=1, log=log)
            assert next(room).text == "two"
            room.leave()
            room = ana.join("lobby", after=2, log="another")
            assert [next(room).text, next(room).text] == ["one", "two"]
        assert [event.gone for event in recorder.of(Entered)] == [0, 2]
    finally:
        server.close()


def test_ids_go_on_above_those_of_the_session() -> None:
    """Also where the server knows of more than we do."""

    def script(line: Line) -> None:
        line.welcome(last_id=70)
        assert line.admit()["id"] == 71
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        chat.join("lobby")


def test_a_server_without_names_is_asked_without() -> None:
    """It would refuse a member that it does not know."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit()
        line.post("lobby", 1, "one")

    def second(line: Line) -> None:
        line.welcome()
        assert "log" not in line.admit(seq=1)
        line.wait_for_end()

    with foreign_server(first, second) as address:
        recorder = Recorder()
        with chat_client.connect(address, nick="ana", on_event=recorder) as chat:
            chat.join("lobby")
            eventually(lambda: len(recorder.of(Entered)) == 2)


# -- what a person sees ----------------------------------------------------------------------------


@pytest.mark.parametrize(("gone", "told"), [(0, 0), (1, 1), (7, 1)])
def test_the_person_is_told_in_one_line(gone: int, told: int) -> None:
    """Only if something is gone."""
    view = View(Lines(), "server", "off")
    event = Entered("lobby", "", 1, 2, 2, 0, True, False, gone)
    lines = [line for line in view.take(event) if "no longer in #lobby" in line]
    assert len(lines) == told
    assert all("\n" not in line for line in lines)
