"""The two bots of the documentation as a user runs them, through a server that is killed."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import chat_client
from tests.support.peer import Peer
from tests.support.servers import ROOT, ServerProcess
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess.serve(tmp_path / "data") as running:
        yield running


@contextmanager
def bot(name: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Start one, wait until it says that it is there, and interrupt it in the end."""
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=ROOT,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        assert child.stdout.readline()
        yield child
        child.send_signal(signal.SIGINT)
        assert child.wait(DEADLINE) == 0
        assert child.stderr.read() == ""
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def said_by(peer: Peer, nick: str, count: int) -> list[str]:
    """The next texts of one person in the lobby."""
    texts: list[str] = []
    while len(texts) < count:
        message = peer.messages(1, "lobby")[0]
        if message["from"] == nick:
            texts.append(message["text"])
    return texts


def test_the_echo_bot(server: ServerProcess) -> None:
    """It answers what is addressed to it, once, before and after the server was killed."""
    with bot("echo_bot.py", server.address, "echo", "lobby"):
        with Peer.connect(server.address) as ana:
            ana.hello("ana")
            ana.join("lobby")
            ana.say("lobby", "not for you")
            ana.say("lobby", "echo: hello")
            assert said_by(ana, "echo", 1) == ["ana said hello"]
        server.kill()
        with server.restarted() as again, Peer.connect(again.address) as bob:
            bob.hello("bob")
            bob.join("lobby", after=0)
            bob.say("lobby", "echo: still there?")
            assert said_by(bob, "echo", 2) == ["ana said hello", "bob said still there?"]


def test_two_bots_in_one_room(server: ServerProcess) -> None:
    """Neither answers the other, though each is spoken to: a person gets one answer of each."""
    with (
        bot("echo_bot.py", server.address, "echo", "lobby"),
        bot("echo_bot.py", server.address, "other", "lobby"),
        Peer.connect(server.address) as ana,
    ):
        ana.hello("ana")
        ana.join("lobby")
        # What each of them says is, word for word, addressed to the other.
        ana.say("lobby", "echo: hello")
        ana.say("lobby", "other: hello")
        answers = {message["from"] for message in ana.messages(4, "lobby")} - {"ana"}
        assert answers == {"echo", "other"}
        ana.say("lobby", "echo: and again")
        assert said_by(ana, "echo", 1) == ["ana said and again"]
        assert ana.page("history", room="lobby")["messages"][-1]["seq"] == 6


def test_two_bots_that_answer_everything(server: ServerProcess) -> None:
    """The bot of README, twice: what one says the other does not even hear."""

    def answer(chat: chat_client.Chat) -> None:
        room = chat.join("lobby")
        for message in room:
            if message.text == "stop":
                return
            if message.from_ != chat.nick:
                room.say(message.text)

    with (
        chat_client.connect(server.address, nick="one") as one,
        chat_client.connect(server.address, nick="two") as two,
        Peer.connect(server.address) as ana,
    ):
        threads = [threading.Thread(target=answer, args=(chat,)) for chat in (one, two)]
        for thread in threads:
            thread.start()
        ana.hello("ana")
        ana.join("lobby")
        eventually(lambda: len(ana.page("who", room="lobby")["members"]) == 3)
        ana.say("lobby", "hello")
        assert [message["text"] for message in ana.messages(3, "lobby")] == ["hello"] * 3
        ana.say("lobby", "stop")
        for thread in threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        assert ana.page("history", room="lobby")["messages"][-1]["seq"] == 4


def test_the_relay(server: ServerProcess, tmp_path: Path) -> None:
    """Each new line once, in order, also those that are written while there is no server."""
    log = tmp_path / "results.log"
    log.write_text("old\n")
    with bot("relay_file.py", server.address, "results", "lobby", str(log)):
        with log.open("a") as growing:
            growing.write("one\n\x1b[31mtwo\nha")
            growing.flush()
            with Peer.connect(server.address) as ana:
                ana.hello("ana")
                ana.join("lobby", after=0)
                assert said_by(ana, "results", 2) == ["one", "[31mtwo"]
            server.kill()
            growing.write("lf\n\n" + "".join(f"line {number}\n" for number in range(50)))
        expected = ["one", "[31mtwo", "half", *(f"line {number}" for number in range(50))]
        with server.restarted() as again, Peer.connect(again.address) as bob:
            bob.hello("bob")
            bob.join("lobby", after=0)
            assert said_by(bob, "results", 53) == expected
            log.write_text("anew\n")
            assert said_by(bob, "results", 1) == ["anew"]


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """One sentence, and an exit code that is not 0."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "echo_bot.py"), f"unix:{tmp_path}/none", "e", "r"],
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("cannot connect to unix:")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["echo_bot.py", "relay_file.py"])
def test_started_with_nothing(name: str) -> None:
    """It says what it takes."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: python {name} HOST[:PORT] NICK ROOM")
    assert done.stderr.count("\n") == 1
