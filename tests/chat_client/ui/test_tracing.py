"""`--trace`, as a user has it: on stderr, in the chat, in a file."""

import subprocess
from pathlib import Path

import pytest

from chat_client.files.trace_file import Heading, Traced, read_trace
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import COMMAND, ENVIRONMENT, Terminal, run
from tests.chat_server.house import House
from tests.support.servers import ROOT
from tests.support.waiting import DEADLINE, eventually


def traced_in(path: Path) -> list[Traced]:
    heading, *rest = read_trace(path)
    assert isinstance(heading, Heading)
    return [each for each in rest if isinstance(each, Traced)]


def test_on_stderr(host: House) -> None:
    """What is printed is printed as ever."""
    done = run(host.address, "--nick", "ana", "--say", "hello", "--trace")
    assert (done.returncode, done.stdout) == (0, "")
    titles = [line[12:] for line in done.stderr.splitlines() if line[12:14] in ("==", "->", "<-")]
    kinds = [title.split(",")[0] for title in titles]
    assert kinds[:6] == [
        f"== connected to {host.address.removeprefix('tcp://')}",
        "-> sent hello",
        "<- received welcome",
        "-> sent join",
        "<- received ok",
        "-> sent say",
    ]
    assert kinds[-1] == "== closed"
    assert '"text":"hello"' in done.stderr


def test_in_a_file(host: House, tmp_path: Path) -> None:
    """Nothing of it is shown. Without the passwords, and the session's key."""
    path = tmp_path / "trace"
    done = run(
        f"--trace={path}",
        host.address,
        "--nick",
        "ana",
        "--say",
        "hello",
        environment={"CHAT_PASSWORD": "hunter2"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    traced = traced_in(path)
    assert [each.what for each in traced][:3] == ["connected", "sent", "received"]
    assert traced[-1].what == "closed"
    hello = traced[1].data
    assert b'"password":"*******"' in hello
    assert b"hunter2" not in path.read_bytes()
    assert b"hunter2".hex().encode() not in path.read_bytes()


def test_in_the_chat(host: House, home: dict[str, str]) -> None:
    """The frames stand among what is said, once there is an input line."""
    with Terminal(host.address, "--nick", "ana", "--trace", environment=home) as ana:
        ana.see_input("[lobby]")
        ana.enter("hello")
        ana.see("-> sent say")
        ana.see('"text":"hello"')
        ana.enter("/quit")
        assert ana.leave() == 0


def test_a_file_beside_the_chat(host: House, home: dict[str, str], tmp_path: Path) -> None:
    """The chat looks as without a trace; the file can be read while the chat goes on."""
    path = tmp_path / "trace"
    with Terminal(host.address, "--nick", "ana", "--trace", str(path), environment=home) as ana:
        ana.see_input("[lobby]")
        ana.enter("hello")
        ana.see("hello")
        eventually(lambda: any(b'"hello"' in each.data for each in traced_in(path)))
        assert not any("->" in line for line in ana.shown)


def test_what_is_no_frame_is_shown(tmp_path: Path) -> None:
    """As it came, with the rule that it breaks."""
    path = tmp_path / "trace"
    with foreign_server(answer) as address:
        assert run(str(address), "--nick", "ana", "--say", "x", "--trace", str(path)).returncode
    broken = [each for each in traced_in(path) if each.what == "broken"]
    assert [each.data for each in broken] == [b"HTTP/1.1 400 Bad Request\r\n"]
    assert "at most 65536 bytes" in broken[0].note


def answer(line: Line) -> None:
    line.expect("hello")
    line.send_raw(b"HTTP/1.1 400 Bad Request\r\n")
    line.wait_for_end()


def test_wrong_use(tmp_path: Path) -> None:
    """One sentence, and nothing is overwritten."""
    notes = tmp_path / "notes"
    notes.write_text("mine")
    for value, says in [
        (str(tmp_path / "no" / "folder"), "No such file or directory"),
        (str(tmp_path), "Is a directory"),
        (str(notes), "is no trace"),
    ]:
        done = run("127.0.0.1:1", "--trace", value)
        assert done.returncode == 2
        assert done.stderr.startswith("chat-client: --trace: ")
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    assert notes.read_text() == "mine"


@pytest.mark.parametrize("server", ["localhost", "127.0.0.1", "host:7878", "tls://host", "[::1]"])
def test_a_server_is_not_taken_for_a_file(server: str) -> None:
    """Behind `--trace` stands a file, if anything."""
    done = run("--trace", server)
    assert done.returncode == 2
    assert f"--trace took {server!r} for its file" in done.stderr


def test_a_full_disk_ends_the_trace_and_not_the_chat(host: House, tmp_path: Path) -> None:
    """It is told once. What came before is kept."""
    path = tmp_path / "trace"
    command = ["sh", "-c", 'ulimit -f 1; exec "$@"', "-", *COMMAND, host.address]
    done = subprocess.run(
        [*command, "--nick", "ana", "--say", "hello" * 200, "--trace", str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        timeout=DEADLINE,
    )
    assert done.returncode == 0
    assert done.stderr == f"chat-client: the trace ends here: {path} (File too large)\n"
    assert traced_in(path)[0].what == "connected"


def test_a_disk_that_was_full_before(host: House) -> None:
    """That is wrong use: nothing could be kept at all."""
    done = run(host.address, "--nick", "ana", "--say", "hello", "--trace", "/dev/full")
    assert done.returncode == 2
    assert "--trace: '/dev/full' cannot be written: No space left on device" in done.stderr
