"""The client's side of TLS: whom it believes, what it tells, and that it says nothing to others."""

import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import chat_client
from chat_client import (
    Authorities,
    ChatError,
    ConnectError,
    Ended,
    FirstUse,
    Pinned,
    Reconnecting,
    Refused,
    TlsAddress,
    Trusted,
    Untrusted,
    cli,
)
from chat_client.files.known_servers import Entry, KnownServers, known_servers_file
from chat_client.session import reader as reader_module
from chat_client.transport.tls import TlsSocket, handshake
from chat_server.server import Server
from protocol.tls import Channel, parse_fingerprint, shown_fingerprint
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.recorder import Recorder
from tests.support.leaks import nothing_left_behind
from tests.support.peer import believing, encode
from tests.support.servers import address_of, running_server
from tests.support.tls import Files, make_files, only, server_context
from tests.support.waiting import DEADLINE, eventually

ONE, OTHER = "1" * 64, "2" * 64


@pytest.fixture(autouse=True)
def _own_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user who has never been anywhere, and who reconnects at once."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.0)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A certificate and its key."""
    return make_files(tmp_path)


@pytest.fixture
def server(files: Files) -> Iterator[Server]:
    """A server that shows it."""
    with running_server(tls_cert=files.certificate, tls_key=files.key) as running:
        yield running


def authority(server: Server) -> str:
    return address_of(server).removeprefix("tls://")


def known() -> str:
    return known_servers_file().read_text()


@contextmanager
def talking(address: str | TlsAddress) -> Iterator[Recorder]:
    """Say something on a server and hear it."""
    recorder = Recorder()
    with chat_client.connect(address, nick="ana", on_event=recorder) as chat:
        room = chat.join("lobby")
        room.say("hi")
        assert next(room).text == "hi"
        yield recorder


def renew(server: Server, files: Files, folder: Path) -> None:
    """Let a server show another certificate from now on."""
    other = make_files(folder, "other")
    files.certificate.write_bytes(other.certificate.read_bytes())
    files.key.write_bytes(other.key.read_bytes())
    server.reload(server.settings)


# -- trust on first use ---------------------------------------------------------------------------


def test_who_is_seen_first_is_trusted_and_kept(server: Server) -> None:
    """It is told once, before anything else, with what to compare."""
    with talking(address_of(server)) as recorder:
        (news,) = recorder.of(Trusted)
    assert recorder.events[0] is news
    assert news.server == authority(server)
    assert parse_fingerprint(news.fingerprint) == server.fingerprint
    assert f"{authority(server)} sha256:{server.fingerprint} 2" in known()
    assert stat.S_IMODE(known_servers_file().stat().st_mode) == 0o600
    with talking(address_of(server)) as recorder:
        assert not recorder.of(Trusted)


def test_another_certificate_is_refused_loudly(
    server: Server, files: Files, tmp_path: Path
) -> None:
    """It says what was known, what is shown, which line to remove; and nothing was sent."""
    with talking(address_of(server)):
        before = server.fingerprint
    renew(server, files, tmp_path)
    with pytest.raises(Untrusted) as caught:
        chat_client.connect(address_of(server), nick="ana")
    text = str(caught.value)
    assert "HAS CHANGED" in text
    assert f"line 3 of {known_servers_file()}" in text
    for each in (before, server.fingerprint):
        assert shown_fingerprint(each or "") in text
    assert before is not None
    assert before in known()


def test_a_pin_tells_what_is_new(server: Server, files: Files, tmp_path: Path) -> None:
    """With the new fingerprint the client goes in, and knows it from then on."""
    with talking(address_of(server)):
        pass
    renew(server, files, tmp_path)
    assert server.fingerprint is not None
    host, port = server.addresses[0][:2]
    with talking(TlsAddress(host, port, Pinned(server.fingerprint))) as recorder:
        assert not recorder.of(Trusted)
    with talking(address_of(server)):
        pass
    assert known().count(host) == 1


def test_a_removed_line_is_a_first_time_again(server: Server, files: Files, tmp_path: Path) -> None:
    """As the message says."""
    with talking(address_of(server)):
        pass
    renew(server, files, tmp_path)
    known_servers_file().write_text("# nobody\n")
    with talking(address_of(server)) as recorder:
        assert recorder.of(Trusted)


def test_what_cannot_be_kept_is_told_and_holds_while_the_client_runs(
    server: Server, files: Files, tmp_path: Path
) -> None:
    """A home that cannot be written is no reason to believe two certificates."""
    (tmp_path / "home").write_text("a file where a folder should be")
    recorder = Recorder()
    with chat_client.connect(address_of(server), nick="ana", on_event=recorder) as chat:
        (news,) = recorder.of(Trusted)
        assert news.problem
        renew(server, files, tmp_path)
        _cut(server)
        eventually(lambda: recorder.of(Ended))
        assert "HAS CHANGED" in (recorder.of(Ended)[0].reason or "")
        with pytest.raises(ChatError):
            chat.join("lobby")


def _cut(server: Server) -> None:
    for connection in server._crowd.connections():
        connection.abort()


@pytest.mark.parametrize("pinned", [True, False])
def test_the_pin_holds_when_the_connection_is_made_again(
    server: Server, files: Files, tmp_path: Path, pinned: bool
) -> None:
    """The same certificate is let back in; another one ends the chat."""
    host, port = server.addresses[0][:2]
    trust = Pinned(server.fingerprint or "") if pinned else FirstUse()
    recorder = Recorder()
    address = TlsAddress(host, port, trust)
    with chat_client.connect(address, nick="ana", on_event=recorder) as chat:
        room = chat.join("lobby")
        _cut(server)
        assert room.say("again") == 1
        assert recorder.of(Reconnecting)
        assert not recorder.of(Ended)
        renew(server, files, tmp_path)
        _cut(server)
        eventually(lambda: recorder.of(Ended))
    assert server.fingerprint is not None
    assert shown_fingerprint(server.fingerprint) in (recorder.of(Ended)[0].reason or "")


# -- the other ways -------------------------------------------------------------------------------


def test_a_pin_that_does_not_fit(server: Server) -> None:
    """Nothing is sent, nothing is kept."""
    host, port = server.addresses[0][:2]
    with pytest.raises(Untrusted, match="is not the server of that fingerprint"):
        chat_client.connect(TlsAddress(host, port, Pinned(ONE)), nick="ana")
    assert not known_servers_file().exists()


def test_authorities(server: Server, files: Files, tmp_path: Path) -> None:
    """Those of a file, for the host that was asked for; the system's do not know us."""
    _, port = server.addresses[0][:2]
    with talking(TlsAddress("localhost", port, Authorities(files.certificate))):
        pass
    for trust in (Authorities(), Authorities(make_files(tmp_path, "other").certificate)):
        with pytest.raises(Untrusted, match="vouches for"):
            chat_client.connect(TlsAddress("localhost", port, trust), nick="ana")
    mine = Authorities(files.certificate)
    with running_server(
        hosts=("127.0.0.2",), tls_cert=files.certificate, tls_key=files.key
    ) as elsewhere:
        where = TlsAddress("127.0.0.2", elsewhere.addresses[0].port, mine)
        with pytest.raises(Untrusted, match="not valid for"):
            chat_client.connect(where, nick="ana")
    with pytest.raises(ChatError, match="missing cannot be used as --ca"):
        chat_client.connect(TlsAddress("localhost", port, Authorities(tmp_path / "missing")))


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
    for flags in ([where, "--tls"], [f"tls://{where}"], [where, "--fingerprint", pin],
                  [f"localhost:{port}", "--ca", str(files.certificate)]):  # fmt: skip
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


# -- the file -------------------------------------------------------------------------------------


def test_two_clients_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each adds 20 servers; all are there, once, and nobody ever sees half a file."""
    path = tmp_path / "known"

    def add(who: int) -> None:
        for number in range(20):
            KnownServers(path).add(f"host{who}:{number}", ONE)
            KnownServers(path).add(f"both:{number}", ONE)

    threads = [threading.Thread(target=add, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            assert path.read_text().endswith("\n")
    for thread in threads:
        thread.join()
    servers = [line.split()[0] for line in path.read_text().splitlines() if line[0] != "#"]
    assert len(servers) == len(set(servers)) == 100


def test_the_first_of_two_clients_wins(tmp_path: Path) -> None:
    """Two that see different certificates at the same moment do not both believe theirs."""
    servers = KnownServers(tmp_path / "known")
    assert servers.add("h:1", ONE) is None
    entry = servers.add("h:1", OTHER)
    assert entry is not None
    assert entry.fingerprint == ONE


def test_people_may_edit_it(tmp_path: Path) -> None:
    """What is no entry stays as it is; a server is found wherever it stands."""
    path = tmp_path / "known"
    path.write_text(f"# mine\n\n  h:1   sha256:{ONE}\nnonsense\nH:1 sha256:{OTHER} 2026-01-01 x")
    servers = KnownServers(path)
    servers.put("h:1", OTHER)
    servers.put("new:2", ONE)
    kept, *rest = path.read_text().split("\nh:1 ")
    assert kept == f"# mine\n\nnonsense\nH:1 sha256:{OTHER} 2026-01-01 x"
    assert servers.find("h:1") == Entry(OTHER, 5)
    assert len(rest) == 1


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
    """What is wrong with its answer is what counts, not that nobody hears the alert."""
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
