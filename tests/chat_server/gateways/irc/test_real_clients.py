"""Real IRC clients, as Debian has them: each joins, speaks, is spoken to.

Where one is not installed its test is skipped: apt install irssi weechat-headless ii sic
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.servers import ENVIRONMENT
from tests.support.terminals import end
from tests.support.waiting import DEADLINE, eventually


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing."""
    missing = shutil.which(program) is None
    return pytest.mark.skipif(missing, reason=f"{program} is not installed: apt install {program}")


@pytest.fixture
def bob(house: House) -> Peer:
    """Somebody on the native wire, who has said something."""
    bob = house.enter("bob", "lobby")
    bob.say("lobby", "said before")
    bob.messages(1)
    return bob


def port_of(house: House) -> str:
    return house.address.rpartition(":")[2]


@contextmanager
def on_a_pty(home: Path, *command: str) -> Iterator["pexpect.spawn[str]"]:
    """A program on a terminal of its own, with a home of its own."""
    environment = {**ENVIRONMENT, "HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8"}
    child = pexpect.spawn(
        command[0],
        list(command[1:]),
        encoding="utf-8",
        dimensions=(40, 160),
        env=environment,
        timeout=DEADLINE,
    )
    try:
        yield child
    finally:
        end(child)


@pytest.mark.long
@needs("irssi")
def test_irssi(house: House, bob: Peer, tmp_path: Path) -> None:
    """With nothing but host and port."""
    command = ("irssi", f"--home={tmp_path}", "-n", "ana", "-c", "127.0.0.1", "-p", port_of(house))
    with on_a_pty(tmp_path, *command) as irssi:
        irssi.expect("Welcome to Backchannel")
        irssi.send("/join #lobby\r")
        irssi.expect("said before")
        irssi.send("hello from irssi\r")
        assert bob.messages(1)[0]["text"] == "hello from irssi"
        irssi.send("/me waves\r")
        waves = bob.messages(1)[0]
        assert (waves["kind"], waves["text"]) == ("action", "waves")
        bob.say("lobby", "grüße zurück")
        irssi.expect("grüße zurück")
        irssi.send("/quote REPLY #lobby bob :and to you\r")
        assert bob.take(lambda frame: frame.get("text") == "and to you")["reply_to"]
        irssi.send("/quote EDIT #lobby :and to you all\r")
        irssi.expect(r"\(edited message \d+\) and to you all")
        irssi.send("/quote DELETE #lobby\r")
        irssi.expect(r"\(deleted message \d+\)")
        irssi.send("/topic what it is about\r")
        bob.take(lambda frame: frame.get("kind") == "topic")
        irssi.expect("what it is about")
        irssi.send("/whois bob\r/msg bob psst\r")
        assert bob.expect("direct")["text"] == "psst"
        irssi.send("/names\r")
        irssi.expect("bob")
        irssi.send("/nick ida\r")
        bob.take(lambda frame: ["ana", "ida"] in frame.get("renamed", ()))
        irssi.send("/quit so long\r")
        irssi.expect(pexpect.EOF)
    bob.take(lambda frame: "ida" in frame.get("left", ()))


@pytest.mark.long
@needs("weechat-headless")
def test_weechat(house: House, bob: Peer, tmp_path: Path) -> None:
    """It writes down what it reads."""
    commands = [
        f"/server add t 127.0.0.1/{port_of(house)} -nicks=ana -autojoin=#lobby",
        "/set irc.server.t.ssl off",
        "/set irc.server.t.tls off",
        "/connect t",
        "/wait 3 /msg -server t #lobby hello from weechat",
        "/wait 8 /quit",
    ]
    arguments = [part for command in commands for part in ("-r", command)]
    weechat = subprocess.Popen(
        ["weechat-headless", "-d", str(tmp_path), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**ENVIRONMENT, "HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )
    try:
        assert bob.messages(1)[0]["text"] == "hello from weechat"
        bob.say("lobby", "answer")
        bob.take(lambda frame: "ana" in frame.get("left", ()), within=2 * DEADLINE)
        assert weechat.wait(DEADLINE) == 0
    finally:
        weechat.kill()
        weechat.wait()
    logs = {path.name: path.read_text("utf-8") for path in tmp_path.rglob("*.weechatlog")}
    (log,) = [text for name, text in logs.items() if "#lobby" in name]
    for text in ("said before", "hello from weechat", "answer"):
        assert log.count(text) == 1, log


@pytest.mark.long
@needs("ii")
def test_ii(house: House, bob: Peer, tmp_path: Path) -> None:
    """A file for each channel."""
    host = tmp_path / "127.0.0.1"
    ii = subprocess.Popen(
        ["ii", "-i", str(tmp_path), "-s", "127.0.0.1", "-p", port_of(house), "-n", "ana"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: (host / "out").exists() and "Welcome" in (host / "out").read_text())
        (host / "in").write_text("/j #lobby\n")
        eventually((host / "#lobby" / "in").exists)
        (host / "#lobby" / "in").write_text("hello from ii\n")
        assert bob.messages(1)[0]["text"] == "hello from ii"
        bob.say("lobby", "answer")
        eventually(lambda: "<bob> answer" in (host / "#lobby" / "out").read_text())
    finally:
        ii.kill()
        ii.wait()


@pytest.mark.long
@needs("sic")
def test_sic(house: House, bob: Peer) -> None:
    """Lines in, lines out."""
    sic = subprocess.Popen(
        ["sic", "-h", "127.0.0.1", "-p", port_of(house), "-n", "ana"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert sic.stdin is not None
    assert sic.stdout is not None
    try:
        while b"Welcome" not in sic.stdout.readline():
            continue
        sic.stdin.write(b":j #lobby\n")
        sic.stdin.flush()
        bob.take(lambda frame: "ana" in frame.get("joined", ()))
        sic.stdin.write(b":m #lobby hello from sic\n")
        sic.stdin.flush()
        assert bob.messages(1)[0]["text"] == "hello from sic"
        bob.say("lobby", "answer")
        while b"<bob> answer" not in (line := sic.stdout.readline()):
            assert line, "it ended"
        sic.stdin.write(b":QUIT\n")
        sic.stdin.flush()
        bob.take(lambda frame: "ana" in frame.get("left", ()))
    finally:
        sic.kill()
        sic.wait()
        sic.stdin.close()
        sic.stdout.close()
