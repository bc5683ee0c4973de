"""An older backup is restored: what was seen behind it is gone, and all that is there now comes."""

import shutil
from pathlib import Path

import pytest

import chat_client
from chat_client import Entered
from chat_client.display.model import View
from chat_client.display.terminal_lines import Lines
from chat_client.session import reader as reader_module
from chat_client.session.feed import Feed
from protocol.messages import Message
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect at once: how long the delays are is not the matter here."""
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.1)


def heard_texts(recorder: Recorder) -> list[str]:
    """What was said in the lobby, as it came."""
    return [event.text for event in recorder.of(Message)]


def test_a_member_who_heard_further_gets_all_that_was_said(tmp_path: Path) -> None:
    """By itself, after a restart on the older history; once, and it is told what is gone."""
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


# -- the feed --------------------------------------------------------------------------------------


def message(seq: int, text: str) -> Message:
    """One of the lobby."""
    return Message(room="lobby", seq=seq, time=1.0, from_="ana", kind="text", text=text)


def feed_of(count: int) -> Feed:
    """A feed that heard so many messages of a log."""
    feed = Feed("lobby", 0, "", "A")
    for seq in range(1, count + 1):
        assert feed.hear(message(seq, f"old {seq}"))
    return feed


@pytest.mark.parametrize("read", [0, 1, 3, 5])
@pytest.mark.parametrize("diverged", [0, 2, 3, 5])
def test_the_reader_gets_what_the_new_log_has_behind_the_divergence(
    read: int, diverged: int
) -> None:
    """Wherever it is: nothing of the new log is missing or doubled, nothing old comes after."""
    feed = feed_of(5)
    for _ in range(read):
        assert feed.take()
    assert feed.resume(9, "", "B", diverged) == 5 - diverged
    assert feed.place == (diverged, "B")
    for seq in range(diverged + 1, 10):
        assert feed.hear(message(seq, f"new {seq}"))
    got = []
    while (taken := feed.take()) is not None:
        got.append(taken.text)
    begin = min(read, diverged)
    assert got == [f"old {n}" for n in range(begin + 1, diverged + 1)] + [
        f"new {n}" for n in range(diverged + 1, 10)
    ]


def test_a_reader_that_waited_when_the_log_was_replaced_gets_nothing_old() -> None:
    """It found something to read, and a moment later that is gone."""
    feed = feed_of(2)
    assert feed.wait()
    feed.resume(0, "", "B", 0)
    assert feed.take() is None


def test_pages_of_the_log_before_are_not_taken() -> None:
    """They were asked for before the divergence, and came after it."""
    feed = feed_of(1500)
    divergences = feed.read.divergences
    feed.resume(3, "", "B", 2)
    assert not feed.skip_to(1000, divergences)
    assert feed.read.read == 0


# -- what a person sees ----------------------------------------------------------------------------


@pytest.mark.parametrize(("gone", "told"), [(0, 0), (1, 1), (7, 1)])
def test_the_person_is_told_in_one_line(gone: int, told: int) -> None:
    """Only if something is gone."""
    view = View(Lines(), "server", "off")
    event = Entered("lobby", "", 1, 2, 2, 0, True, False, gone)
    lines = [line for line in view.take(event) if "no longer in #lobby" in line]
    assert len(lines) == told
    assert all("\n" not in line for line in lines)
