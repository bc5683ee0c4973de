"""Without a terminal: lines in, lines out, and an exit code that tells how it went."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_client import cli
from chat_client.ui import pipe
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import COMMAND, ENVIRONMENT, Terminal, run, start
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.servers import ROOT, ServerProcess
from tests.support.waiting import DEADLINE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess.serve(tmp_path) as running:
        yield running


@pytest.fixture
def ana(server: ServerProcess) -> Iterator[Peer]:
    with Peer.connect(server.address) as peer:
        peer.hello("ana")
        peer.join("lobby")
        yield peer


def said(peer: Peer, count: int) -> list[tuple[str, str]]:
    return [(frame["from"], frame["text"]) for frame in peer.messages(count, "lobby")]


def without_times(text: str) -> list[str]:
    """The lines, which must be records of the lobby or of the client's own."""
    return [re.sub(r"^(\S{20} #lobby|\S{20}|\d\d:\d\d) ", "", line) for line in text.splitlines()]


def line_of(child: "subprocess.Popen[bytes]") -> str:
    assert child.stdout is not None
    (line,) = without_times(child.stdout.readline().decode())
    return line


@pytest.mark.parametrize("json", [False, True])
def test_no_line_is_a_command_that_has_to_do_with_accounts(
    server: ServerProcess, ana: Peer, json: bool
) -> None:
    """The client says every line, also one that would be a command on a terminal."""
    options = ["--json"] if json else []
    done = run(server.address, "--nick", "bob", *options, stdin=b"/logout\n/password\n")
    assert done.returncode == 0
    assert said(ana, 2) == [("bob", "/logout"), ("bob", "/password")]


@pytest.mark.long
def test_who_is_logged_out_elsewhere_ends(server: ServerProcess, ana: Peer) -> None:
    """The password was changed there. With the old one nobody comes in again, with the new one
    one does, from the environment.
    """
    laptop = Peer.connect(server.address)
    laptop.hello("bob")
    laptop.ok("register", password="correct horse")
    laptop.ok("nick", nick="laptop")
    old = {"CHAT_ACCOUNT_PASSWORD": "correct horse"}
    new = {"CHAT_ACCOUNT_PASSWORD": "battery staple"}
    with start(server.address, "--nick", "bob", environment=old) as bob:
        assert bob.stdin is not None
        assert bob.stderr is not None
        bob.stdin.write(b"here\n")
        assert said(ana, 1) == [("bob", "here")]
        laptop.ok("password", old="correct horse", new="battery staple")
        laptop.close()
        assert bob.wait(DEADLINE) == 1
        assert b"The password of your account was changed" in bob.stderr.read()
    for environment, code in ((old, 2), (new, 0)):
        done = run(server.address, "--nick", "bob", "--say", "again", environment=environment)
        assert done.returncode == code
    assert said(ana, 1) == [("bob", "again")]


def test_says_hi(server: ServerProcess, ana: Peer) -> None:
    """It is said, it is stored, it is shown, and the exit code is 0."""
    done = run(server.address, "--nick", "bob", stdin=b"hi\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert without_times(done.stdout) == ["<bob> hi"]
    assert said(ana, 1) == [("bob", "hi")]


def test_says_each_line_as_it_is(server: ServerProcess, ana: Peer) -> None:
    """No line is a command; empty ones are left out; the last needs no line feed; CRLF is one."""
    lines = "/quit\n\n//x\r\n \t\n漢 \U0001f642\n  indented\nlast".encode()
    done = run(server.address, "--nick", "bob", stdin=lines + b" \xff")
    assert done.returncode == 0
    texts = ["/quit", "//x", "漢 \U0001f642", "  indented", "last \ufffd"]
    assert said(ana, 5) == [("bob", text) for text in texts]
    assert without_times(done.stdout) == [f"<bob> {text}" for text in texts]


def test_many_lines_keep_their_order(server: ServerProcess, ana: Peer) -> None:
    """A file is said line by line."""
    done = run(server.address, "--nick", "bob", stdin=b"".join(b"%d\n" % n for n in range(500)))
    assert done.returncode == 0
    assert said(ana, 500) == [("bob", str(number)) for number in range(500)]


def test_what_is_refused_is_told(server: ServerProcess, ana: Peer) -> None:
    """On stderr, with exit code 1; the other lines are said all the same."""
    lines = b"one\nnul \0\n" + b"x" * 4001 + b"\n" + b"y" * 300_000 + b"\ntwo\n"
    done = run(server.address, "--nick", "bob", stdin=lines)
    assert done.returncode == 1
    assert said(ana, 2) == [("bob", "one"), ("bob", "two")]
    assert without_times(done.stdout) == ["<bob> one", "<bob> two"]
    errors = done.stderr.splitlines()
    assert ["U+0000" in errors[0], "4001" in errors[1], "at most 4000" in errors[2]] == [True] * 3
    assert ["line 2 " in errors[0], "line 3 " in errors[1], "line 4 " in errors[2]] == [True] * 3
    assert len(errors) == 3


def test_says_what_was_written_for_a_terminal(server: ServerProcess, ana: Peer) -> None:
    """Without a byte order mark and colours, and only how a progress bar ended; no line is lost."""
    lines = (
        b"\xef\xbb\xbffirst\r\n"
        b"\x1b[1;31mFAILED\x1b(B\x1b[m test\n"
        b"\x1b]0;title\x07in a window\n"
        b" 10 %\r 50 %\r100 %\r\n"
        b"\x1b[?25l\r\x1b[Kdone\x1b[?25h\n"
        b"spinning |\b/\b-\n"
        + b"".join(b"%9d %%\r" % each for each in range(20_000))
        + b"all\n\x1b[0m\nlast\n"
    )
    done = run(server.address, "--nick", "bob", stdin=lines)
    texts = ["first", "FAILED test", "in a window", "100 %", "done", "spinning -", "all", "last"]
    assert (done.returncode, done.stderr) == (0, "")
    assert said(ana, len(texts)) == [("bob", text) for text in texts]


def test_one_thing_to_say_may_be_written_for_a_terminal(server: ServerProcess, ana: Peer) -> None:
    """As the output of a program on Windows, say."""
    text = "\ufeff\x1b[32mone\x1b[0m\r\ntwo"
    assert run(server.address, "--nick", "bob", "--say", text).returncode == 0
    assert said(ana, 1) == [("bob", "one\ntwo")]


def test_no_input_is_fine(server: ServerProcess) -> None:
    """Nothing to say is said."""
    done = run(server.address)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_unix_socket(tmp_path: Path) -> None:
    """The same over the other kind of address."""
    path = str(tmp_path / "socket")
    with ServerProcess.serve(tmp_path / "data", "--unix", path):
        assert run("--unix", path, stdin=b"hi\n").returncode == 0


def test_prints_what_is_said(server: ServerProcess, ana: Peer) -> None:
    """Line by line while it goes on, in one record each, and harmless."""
    with start(server.address, "--nick", "bob") as child:
        assert child.stdin is not None
        child.stdin.write(b"here\n")
        assert line_of(child) == "<bob> here"
        ana.say("lobby", "hi")
        ana.say("lobby", "waves", kind="action")
        ana.ok("topic", room="lobby", topic="tests")
        shown = [line_of(child) for _ in range(3)]
        ana.ok("tell", to="bob", text="psst")  # which may overtake what is said in a room
        shown.append(line_of(child))
        ana.say("lobby", "two\nlines")
        shown.append(line_of(child))
        assert shown == [
            "<ana> hi",
            "* ana waves",
            "-- ana set the topic: tests",
            "[ana] psst",
            "<ana> two⏎lines",
        ]
        child.stdin.close()
        assert child.wait(DEADLINE) == 0


def test_goes_on_after_the_server_was_killed(server: ServerProcess) -> None:
    """Lines that are piped in while there is no server are said when it is back."""
    with start(server.address, "--nick", "bob") as child:
        assert child.stdin is not None
        assert child.stderr is not None
        child.stdin.write(b"one\n")
        assert line_of(child) == "<bob> one"
        server.kill()
        assert b"not connected" in child.stderr.readline()
        child.stdin.write(b"two\nthree\n")
        child.stdin.close()
        with server.restarted() as again:
            assert [line_of(child), line_of(child)] == ["<bob> two", "<bob> three"]
            assert child.wait(DEADLINE) == 0
            with Peer.connect(again.address) as peer:
                peer.hello("ana")
                peer.join("lobby", after=0)
                assert [text for _, text in said(peer, 3)] == ["one", "two", "three"]


def test_ends_when_the_server_wants_it() -> None:
    """Also while nothing is said: a thread that waits for stdin does not hold the end up."""

    def kick(line: Line) -> None:
        line.welcome()
        line.admit()
        line.send("goodbye", code="kicked", text="Enough.")

    with foreign_server(kick) as address, start(address, "--nick", "bob") as child:
        assert child.wait(DEADLINE) == 1
        assert child.stderr is not None
        assert child.stderr.read().endswith(b"-- the chat is over: Enough.\n")


def test_ends_when_nobody_reads_it(server: ServerProcess, ana: Peer) -> None:
    """`chat-client | head -1` ends, and quietly."""
    with start(server.address, "--nick", "bob") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(b"here\n")
        line_of(child)
        child.stdout.close()
        ana.say("lobby", "anybody?")
        assert child.wait(DEADLINE) == 1
        assert child.stderr.read() == b""


def test_ctrl_c(server: ServerProcess) -> None:
    """A clean end with the usual exit code."""
    with start(server.address, "--nick", "bob") as child:
        assert child.stdin is not None
        assert child.stderr is not None
        child.stdin.write(b"here\n")
        assert line_of(child) == "<bob> here"
        child.send_signal(signal.SIGINT)
        assert child.wait(DEADLINE) == 130
        assert child.stderr.read() == b""


def test_waits_its_turn_where_the_server_asks_for_it() -> None:
    """A rate limit slows it down, which it tells once, and loses nothing."""

    def limit(line: Line) -> None:
        line.welcome()
        line.admit()
        for _ in range(3):
            say = line.expect("say")
            line.send("error", re=say["id"], code="rate_limited", text="Slower.", retry_after=0.01)
        for number in (1, 2):
            say = line.expect("say")
            line.send("ok", re=say["id"], seq=number)
            line.post("lobby", number, say["text"])
        line.wait_for_end()

    with foreign_server(limit) as address:
        done = run(address, "--nick", "bob", stdin=b"one\ntwo\n")
    assert done.returncode == 0
    assert without_times(done.stdout) == ["<ana> one", "<ana> two"]
    assert without_times(done.stderr) == ["-- not done yet (Slower); next try in 0.1 s"]


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
    assert "not said: no answer from the server in 1 s (--timeout" in done.stderr


@pytest.mark.parametrize("enters", [True, False])
def test_one_thing_to_say_waits_for_no_server_for_ever(
    enters: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes that make no frame are no answer, before the room and in it; so there is a limit."""

    def script(line: Line) -> None:
        line.welcome()
        if enters:
            line.admit()
        line.send_raw(b"\0\0\xff\xff{")
        line.wait_for_end()

    monkeypatch.setattr(pipe, "SAY_LIMIT", 0.5)
    with foreign_server(script) as address:
        assert cli.main([address, "--nick", "bob", "--say", "hi"]) == 1
    told = (
        "chat-client: not said: no answer from the server in 0.5 s (--timeout TIME sets this limit)"
    )
    assert capsys.readouterr().err == f"{told}\n"


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


def test_says_one_thing(host: House, bob: Peer) -> None:
    """It is stored when the program ends, which says nothing itself."""
    done = run(host.address, "--nick", "ci", "--say", "the build\nis green", stdin=b"not this\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert bob.messages(1)[0]["text"] == "the build\nis green"


def test_says_why_it_could_not(host: House, bob: Peer) -> None:
    """1 for what is refused, 2 where it came to no chat at all."""
    done = run(host.address, "--say", " ")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "chat-client: not said: a text has at least one character that shows\n"
    taken = run(host.address, "--nick", bob.nick, "--say", "hi")
    assert (taken.returncode, "somebody here is called" in taken.stderr) == (2, True)
    assert run("127.0.0.1:1", "--say", "hi").returncode == 2


def test_each_event_is_a_line_of_json(host: House, bob: Peer) -> None:
    """With its type and its members; what was refused, too; and it is ASCII."""
    child = start(host.address, "--nick", "ana", "--json")
    assert child.stdin is not None
    assert child.stdout is not None
    with child:

        def until(kind: str) -> dict[str, object]:
            assert child.stdout is not None
            while True:
                line = child.stdout.readline()
                assert line.isascii()
                event: dict[str, object] = json.loads(line)
                if event["type"] == kind:
                    return event

        assert until("connected")["nick"] == "ana"
        assert until("entered") == {
            "type": "entered",
            "room": "lobby",
            "topic": "",
            "members": 2,
            "after": 0,
            "last": 0,
            "lost": 0,
            "again": False,
            "gone": 0,
            "frozen": False,
        }
        bob.say("lobby", "漢\nhi \u202e")
        said = until("message")
        assert (said["from"], said["text"], said["seq"]) == ("bob", "漢\nhi \u202e", 1)
        bob.ok("tell", to="ana", text="psst")
        assert until("direct")["text"] == "psst"
        child.stdin.write(b"\x1b\nhello\n")
        refused = until("refused")
        assert (refused["line"], refused["text"]) == (1, "\x1b")
        assert "U+001B" in str(refused["reason"])
        assert until("message")["text"] == "hello"
        child.stdin.close()
        assert until("ended")["reason"] is None
        assert child.wait(DEADLINE) == 1


def test_times_of_plain_records_can_be_chosen(host: House) -> None:
    """Or left out."""
    done = run(host.address, "--nick", "ana", "--time-format", "", stdin=b"hi\n")
    assert done.stdout == "#lobby <ana> hi\n"


@pytest.mark.parametrize(("code", "exits"), [("kicked", 1), ("banned", 2)])
def test_an_end_that_the_server_wants_is_an_event(code: str, exits: int) -> None:
    """With its reason; who is banned is told as one who was not let in. Nothing connects again."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        line.send("goodbye", code=code, text="Enough.")

    with foreign_server(script) as address, start(address, "--json") as child:
        assert child.stdout is not None
        last = json.loads(child.stdout.readlines()[-1])
        assert last == {"type": "ended", "reason": "Enough.", "code": code}
        assert child.wait(DEADLINE) == exits
