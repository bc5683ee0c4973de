"""Files from one terminal to another."""

import os
import re
from pathlib import Path

import pytest

from chat_client.api.files import name_of
from protocol.messages import Message
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.proxy import Link, Proxy
from tests.support.waiting import eventually


def test_a_file_goes_from_terminal_to_terminal(
    host: House, home: dict[str, str], tmp_path: Path
) -> None:
    """And people talk meanwhile; what is there already is left alone."""
    path, copy = tmp_path / "notes.pdf", tmp_path / "copy.pdf"
    path.write_bytes(os.urandom(3_000_000))
    with (
        Terminal(host.address, "--nick", "ana", environment=home) as ana,
        Terminal(host.address, "--nick", "ben", environment=home) as ben,
    ):
        ana.see("you are here")
        ben.see("you are here")
        ana.enter(f"/send {path}")
        ana.enter("and talk")
        ben.see("ana  and talk")
        ben.see("notes.pdf, 3.0 MB; /get")
        line = next(line for line in ben.shown if "offers file" in line)
        seq = line.split("offers file ")[1].split(":")[0]
        ben.enter(f"/get {seq} {copy}")
        eventually(copy.exists)
        assert copy.read_bytes() == path.read_bytes()
        ben.enter(f"/get {seq} {copy}")
        ben.see("already")
        ben.enter(f"/get {3 - int(seq)} x")
        ben.see("offers no file")
        ben.enter("/send /no/such/file")
        ben.see("/no/such/file is no file")


def test_the_status_line_shows_how_far_a_file_is(
    host: House, home: dict[str, str], tmp_path: Path
) -> None:
    """Both ways, while it is on its way and no longer; here the network stops amid it."""
    path, copy = tmp_path / "notes.pdf", tmp_path / "copy.pdf"
    path.write_bytes(os.urandom(6_000_000))

    def stop(link: Link) -> None:  # the chat's own connection carries less
        link.after(3_000_000, Link.stall)

    with (
        Proxy(host.address, stop) as proxy,
        Terminal(proxy.address, "--nick", "ana", columns=100, environment=home) as ana,
    ):
        ana.see("you are here")
        ana.enter(f"/send {path}")
        ana.see_status("connected | sending notes.pdf, 34 % of 6.0 MB | #lobby")
        proxy.link(1).resume()
        ana.see("notes.pdf is offered as 1")
        eventually(lambda: "6.0 MB" not in ana.status)
        ana.enter(f"/get 1 {copy}")
        eventually(lambda: re.search(r"fetching copy.pdf, (49|50) % of 6.0 MB", ana.status))
        proxy.link(2).resume()
        ana.see("copy.pdf is here")
        eventually(lambda: "6.0 MB" not in ana.status)
    assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/files/0/a%20b.pdf", "a b.pdf"),
        ("/files/0/..%2F..%2F.bashrc", "bashrc"),
        ("/files/0/%1b%5b2J", "[2J"),
        ("/files/0/", "file"),
    ],
)
def test_a_hostile_server_chooses_no_folder(path: str, name: str) -> None:
    """Whatever it calls a file."""
    assert name_of(Message("lobby", 1, 0.0, "eve", "file", "", file=path)) == name
