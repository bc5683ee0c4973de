"""The client's side of TLS: whom it believes, what it tells, and that it says nothing to others."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import chat_client
from chat_client import (
    ConnectError,
    Refused,
    cli,
)
from chat_client.transport.tls import TlsSocket, handshake
from chat_server.server import Server
from protocol.tls import Channel, shown_fingerprint
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.transport.certified import authority, renew
from tests.support.leaks import nothing_left_behind
from tests.support.peer import believing, encode
from tests.support.servers import running_server
from tests.support.tls import Files, only, server_context
from tests.support.waiting import DEADLINE

pytestmark = pytest.mark.usefixtures("_reconnects_at_once")


# -- never without --------------------------------------------------------------------------------


def _answer(*pieces: bytes) -> tuple[list[bytes], object]:
    heard: list[bytes] = []

    def script(line: Line) -> None:
        heard.append(line._socket.recv(65536))
        for piece in pieces:
            line.send_raw(piece)
        line._socket.shutdown(socket.SHUT_WR)
        while data := line._socket.recv(65536):
            heard.append(data)

    return heard, script


FULL = encode({"type": "error", "re": None, "code": "server_full", "text": "Full."})
BANNED = encode({"type": "error", "re": None, "code": "banned", "text": "Out."})
PLAIN = encode({"type": "error", "re": None, "code": "frame_too_large", "text": "No TLS."})


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        ([PLAIN], "does not speak TLS"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "does not speak TLS"),
        ([FULL], "no place for another"),
        ([BANNED], "nobody in from this address"),
        ([], "closed the connection instead of answering in TLS"),
        ([b"\x15\x03\x03\x00\x02\x02\x46"], "no version of TLS that we do"),
        ([b"\x16\x03\x03\x40\x00" + b"x" * 200], "do not understand each other|instead of"),
    ],
)
def test_a_server_without_tls_is_told_nothing(pieces: list[bytes], says: str) -> None:
    """One sentence says what it is. All it ever got is the beginning of a handshake."""
    heard, script = _answer(*pieces)
    assert callable(script)
    with nothing_left_behind(), foreign_server(script) as address:
        with pytest.raises(ConnectError, match=says) as caught:
            chat_client.connect(f"tls://{address}", nick="ana", timeout=2.0)
        assert address in str(caught.value)
    assert heard[0][0] == 0x16
    assert b"ana" not in b"".join(heard)
    assert all(data[0] == 0x15 for data in heard[1:])  # an alert, at the most


def test_a_server_that_does_not_answer_in_time() -> None:
    """All of the handshake has one time limit."""
    over = threading.Event()

    def script(line: Line) -> None:
        line.send_raw(b"\x16")
        over.wait(DEADLINE)

    with foreign_server(script) as address:
        with pytest.raises(ConnectError, match="does not answer in TLS"):
            chat_client.connect(f"tls://{address}", nick="ana", timeout=0.2)
        over.set()


def test_an_old_version_is_refused(files: Files) -> None:
    """A server that speaks only TLS 1.1 is told nothing."""

    def script(line: Line) -> None:
        context = only(ssl.TLSVersion.TLSv1_1, server_side=True)
        context.load_cert_chain(*files)
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(line._socket.dup(), server_side=True)

    with foreign_server(script) as address, pytest.raises(ConnectError, match=r"TLS 1\.2"):
        chat_client.connect(f"tls://{address}", nick="ana", timeout=2.0)


def test_a_plain_client_at_a_tls_port_is_told_what_to_do(server: Server) -> None:
    """In the server's words."""
    with pytest.raises(Refused, match="connect with --tls"):
        chat_client.connect(authority(server), nick="ana")


# -- the command line -----------------------------------------------------------------------------


def test_the_program(
    server: Server, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--tls`, `--fingerprint`, `--ca`, a variable, an address: and what stderr says of each."""
    where, port = authority(server), server.addresses[0].port
    say = ["--nick", "ana", "--say", "hi"]
    assert cli.main([where, "--tls", *say]) == 0
    assert "first time at" in capsys.readouterr().err
    assert server.fingerprint is not None
    pin = shown_fingerprint(server.fingerprint).upper()
    for flags in (
        [where, "--tls"],
        [f"tls://{where}"],
        [where, "--fingerprint", pin],
        [f"localhost:{port}", "--ca", str(files.certificate)],
    ):
        assert cli.main([*flags, *say]) == 0
        assert capsys.readouterr().err == ""
    assert cli.main([where, *say]) == 2
    assert "connect with --tls" in capsys.readouterr().err
    assert cli.main([where, "--fingerprint", "12", *say]) == 2
    assert "64 hexadecimal digits" in capsys.readouterr().err
    renew(server, files, tmp_path)
    assert cli.main([where, "--tls", *say]) == 2
    assert "HAS CHANGED" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "value"), [("CHAT_TLS", "yes"), ("CHAT_TLS", "1")])
def test_variables(server: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """As the server's own are written."""
    monkeypatch.setenv(name, value)
    assert cli.main([authority(server), "--nick", "ana", "--say", "hi"]) == 0


def test_a_unix_socket_needs_no_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is set for the network."""
    monkeypatch.setenv("CHAT_TLS", "on")
    path = tmp_path / "chat.sock"
    with running_server(unix=path, tls=True):
        assert cli.main(["--unix", str(path), "--nick", "ana", "--say", "hi"]) == 0


# -- the shell around the channel -----------------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[tuple[TlsSocket, socket.socket, Channel]]:
    """A client's socket, and a server's raw one with its channel."""
    ours, theirs = socket.socketpair()
    channel = Channel(server_context(), server_side=True)

    def answer() -> None:
        while not channel.established:
            channel.receive(theirs.recv(65536))
            theirs.sendall(channel.take())

    thread = threading.Thread(target=answer)
    thread.start()
    secured = handshake(ours, believing(), "there", None, DEADLINE)
    thread.join()
    yield secured, theirs, channel
    secured.close()
    theirs.close()


def test_what_comes_with_the_handshake_is_not_lost(
    pair: tuple[TlsSocket, socket.socket, Channel],
) -> None:
    """In whatever pieces, up to the end that TLS says."""
    secured, theirs, channel = pair
    theirs.sendall(channel.encrypt(b"a" * 40_000) + channel.end())
    said = b""
    while data := secured.recv(1000):
        said += data
    assert said == b"a" * 40_000
    assert secured.recv(1000) == b""


def test_a_stream_that_is_cut_ends(pair: tuple[TlsSocket, socket.socket, Channel]) -> None:
    """Frames say how long they are: nothing can be cut off them unnoticed."""
    secured, theirs, channel = pair
    theirs.sendall(channel.encrypt(b"half")[:-1])
    theirs.shutdown(socket.SHUT_WR)
    assert secured.recv(1000) == b""


def test_a_record_that_drips_does_not_put_off_the_deadline(
    pair: tuple[TlsSocket, socket.socket, Channel],
) -> None:
    """A byte now and then is no sign that the record will ever be whole."""
    secured, theirs, channel = pair
    over = threading.Event()
    record = channel.encrypt(b"a" * 16_000)

    def drip() -> None:
        for number in range(len(record)):
            if over.wait(0.02):
                return
            theirs.sendall(record[number : number + 1])

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        with pytest.raises(TimeoutError):
            secured.recv(1000, time.monotonic() + 0.3)
    finally:
        over.set()
        dripping.join()


def test_a_server_that_is_gone_before_it_can_be_told_why() -> None:
    """The client reports what is wrong with the answer, not that the alert could not be sent."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        theirs.recv(65536)
        theirs.shutdown(socket.SHUT_RD)
        theirs.sendall(b"\x16\x03\x03\x00\x04\x63\x00\x00\x00")

    thread = threading.Thread(target=answer)
    thread.start()
    with ours, theirs, pytest.raises(ConnectError, match="do not understand each other"):
        handshake(ours, believing(), "there", None, DEADLINE)
    thread.join()
