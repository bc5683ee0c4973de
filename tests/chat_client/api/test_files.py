"""A file goes from one client to another, over every kind of connection."""

import os
from pathlib import Path

import pytest

import chat_client
from chat_client import ChatError, Refused
from protocol.messages import Message
from tests.support.servers import address_of, running_server


@pytest.mark.parametrize("tls", [False, True])
def test_a_file_is_sent_and_fetched(tmp_path: Path, tls: bool) -> None:
    """In more than one piece; the progress is told."""
    path = tmp_path / "slides.pdf"
    path.write_bytes(os.urandom(2_500_000))
    with running_server(tls=tls) as server:
        address = address_of(server)
        with (
            chat_client.connect(address, nick="ana") as ana,
            chat_client.connect(address, nick="ben") as ben,
        ):
            there, told = ben.join("lobby", bots=True), list[int]()
            seq = ana.join("lobby").send_file(path, told.append)
            message = next(there)
            assert (message.seq, message.kind, message.size) == (seq, "file", 2_500_000)
            assert told[-1] == 2_500_000
            copy = tmp_path / "copy.pdf"
            there.fetch_file(message, copy, told.append)
            assert copy.read_bytes() == path.read_bytes()
            assert not copy.with_name("copy.pdf.part").exists()
            with pytest.raises(FileExistsError):
                there.fetch_file(message, copy)


def test_a_fetch_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    """What is there already is not sent again."""
    path, copy = tmp_path / "a", tmp_path / "b"
    path.write_bytes(os.urandom(200_000))
    with running_server() as server, chat_client.connect(address_of(server), nick="ana") as ana:
        room = ana.join("lobby")
        room.send_file(path)
        message = next(room)
        copy.with_name("b.part").write_bytes(path.read_bytes()[:150_000])
        told: list[int] = []
        room.fetch_file(message, copy, told.append)
        assert min(told) > 150_000
        assert copy.read_bytes() == path.read_bytes()


def test_what_cannot_be_sent(tmp_path: Path) -> None:
    """Nothing, what is too large, what is not there."""
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(bytes(1_000_001))
    with (
        running_server(file_size=1) as server,
        chat_client.connect(address_of(server), nick="ana") as ana,
    ):
        room = ana.join("lobby")
        with pytest.raises(ChatError, match="is empty"):
            room.send_file(tmp_path / "empty")
        with pytest.raises(Refused, match="at most 1 MB"):
            room.send_file(tmp_path / "large")
        with pytest.raises(FileNotFoundError):
            room.send_file(tmp_path / "nothing")
        with pytest.raises(ChatError, match="offers no file"):
            room.fetch_file(Message("lobby", 1, 0.0, "ana", "text", "hi"), tmp_path / "x")
