"""A client that only listens, and one that has only so much time."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_client import cli
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import COMMAND, ENVIRONMENT, Terminal, run, start
from tests.support.peer import Peer
from tests.support.servers import ROOT, ServerProcess
from tests.support.waiting import DEADLINE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server."""
    with ServerProcess.serve(tmp_path) as running:
        yield running


@pytest.fixture
def ana(server: ServerProcess) -> Iterator[Peer]:
    """Somebody in the lobby."""
    with Peer.connect(server.address) as peer:
        peer.hello("ana")
        peer.join("lobby")
        yield peer


def see_bob(peer: Peer) -> None:
    """Wait until bob is there."""
    peer.take(lambda frame: frame["type"] == "presence" and "bob" in frame["joined"])


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--listen"]])
def test_listens(server: ServerProcess, ana: Peer, arguments: list[str]) -> None:
    """With an input from which there is nothing to read; all is printed until Ctrl-C."""
    with subprocess.Popen(
        [*COMMAND, server.address, "--nick", "bob", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=ENVIRONMENT,
    ) as bob:
        assert bob.stdout is not None
        see_bob(ana)
        for text in ("one", "two"):
            ana.say("lobby", text)
            while text.encode() not in bob.stdout.readline():
                assert bob.poll() is None
        bob.send_signal(signal.SIGINT)
        assert bob.wait(DEADLINE) == 130


def test_reads_no_input_where_it_is_to_listen(server: ServerProcess, ana: Peer) -> None:
    """A pipe with something in it, too."""
    with start(server.address, "--nick", "bob", "--listen") as bob:
        assert bob.stdin is not None
        assert bob.stdout is not None
        bob.stdin.write(b"not for you\n")
        bob.stdin.close()
        see_bob(ana)
        ana.say("lobby", "hello")
        assert b"<ana> hello" in bob.stdout.readline()
        bob.terminate()


def test_an_empty_pipe_ends(server: ServerProcess) -> None:
    """As ever: all of it was said."""
    assert run(server.address, "--nick", "bob", stdin=b"").returncode == 0


def test_listens_for_a_while(server: ServerProcess) -> None:
    """What was to be done in that time is done."""
    done = run(server.address, "--nick", "bob", "--listen", "--timeout", "1s")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_input_that_goes_on_longer(server: ServerProcess, ana: Peer) -> None:
    """What was read until then is said."""
    with start(server.address, "--nick", "bob", "--timeout", "2") as bob:
        assert bob.stdin is not None
        bob.stdin.write(b"one\n")
        assert ana.messages(1, "lobby")[0]["text"] == "one"
        assert bob.wait(DEADLINE) == 0


@pytest.mark.parametrize("piped", [True, False])
def test_a_server_that_does_not_answer(piped: bool) -> None:
    """It is not known to be said, which is a failure, with the reason."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        line.expect("say")
        line.wait_for_end()

    with foreign_server(script) as address:
        said = [] if piped else ["--say", "hi"]
        done = run(address, "--nick", "bob", "--timeout", "1s", *said, stdin=b"hi\n")
    assert done.returncode == 1
    assert "not said: no answer from the server in the time" in done.stderr


@pytest.mark.parametrize("limit", ["", "0", "-1", "soon", "1 s"])
def test_what_is_no_time(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence has the rule and the value."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["127.0.0.1:1", "--listen", f"--timeout={limit}"])
    assert ended.value.code == 2
    assert repr(limit) in capsys.readouterr().err


def test_on_a_terminal(server: ServerProcess, ana: Peer, home: dict[str, str]) -> None:
    """`--listen` prints there, too; a time limit is for what nobody sits at."""
    with Terminal(server.address, "--nick", "bob", "--listen", environment=home) as bob:
        see_bob(ana)
        ana.say("lobby", "hello")
        bob.see("#lobby <ana> hello")
        assert bob.child.pid is not None
        os.kill(bob.child.pid, signal.SIGINT)
        assert bob.leave() == 130
    with Terminal(server.address, "--timeout", "5s", environment=home) as bob:
        bob.see_wrapped("on a terminal, Ctrl-D leaves")
        assert bob.leave() == 2
