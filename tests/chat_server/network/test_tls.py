"""TLS on the server: everything as without, and nobody who is bad at it holds up anybody."""

import dataclasses
import logging
import os
import signal
import socket
import ssl
import stat
from pathlib import Path

import pytest

from chat_server import preflight
from chat_server.network import tls
from chat_server.runtime.config.settings import Settings
from chat_server.runtime.errors import StartError
from chat_server.server import Server
from protocol.tls import Channel, TlsError, fingerprint, shown_fingerprint
from tests.chat_server.delivery.test_catch_up import read_in_order, talk
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.peer import Peer, believing, connect_socket, encode
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.tls import encrypt_key, make_files, only
from tests.support.waiting import DEADLINE, eventually


def plain(server: Server) -> str:
    """The server's first address, without TLS."""
    return address_of(server).replace("tls://", "tcp://")


def shown_by(address: object) -> str:
    """The fingerprint of the certificate that is shown there."""
    with connect_socket(address) as connected:
        assert isinstance(connected, ssl.SSLSocket)
        return fingerprint(connected.getpeercert(binary_form=True) or b"")


# -- as without -----------------------------------------------------------------------------------


def test_the_room_is_the_same_with_tls_and_on_a_unix_socket(tmp_path: Path) -> None:
    """On a Unix socket nobody needs TLS."""
    with running_server(tls=True, unix=tmp_path / "chat.sock") as server, House(server) as house:
        secure, local = server.addresses
        assert str(secure).startswith("tls://127.0.0.1:")
        assert str(local).startswith("unix://")
        ada = house.enter("ada", "lobby")
        eva = house.enter("eva", "lobby", address=str(local))
        ada.say("lobby", "hi")
        assert eva.messages(1)[0]["text"] == "hi"
        eva.say("lobby", "hello")
        assert [each["text"] for each in ada.messages(2)] == ["hi", "hello"]


def test_the_stream_ends_as_tls_should() -> None:
    """With a word that nothing follows: whoever cuts a connection cannot pass that for the end."""
    with running_server(tls=True) as server, House(server) as house:
        ada = house.enter("ada")
        ada.ok("bye")
        ada.expect_end("bye")  # the peer fails where TLS ends without that word


def test_one_that_has_ended_its_half_gets_all_that_it_asked_for() -> None:
    """As without TLS: what was asked is done and answered, and then the stream ends."""
    with running_server(tls=True) as server:
        with _raw(server) as raw:
            channel = _shake(raw)
            says = [{"type": "say", "id": n, "room": "lobby", "text": "hi"} for n in range(2, 52)]
            asked = [
                {"type": "hello", "version": 1, "nick": "ada"},
                {"type": "join", "id": 1, "room": "lobby"},
                *says,
            ]
            raw.sendall(channel.encrypt(b"".join(map(encode, asked))) + channel.end())
            said = b""
            while not channel.ended:
                said += channel.receive(raw.recv(65536))
        assert said.count(b'"type":"ok"') == 51


def _raw(server: Server) -> socket.socket:
    return socket.create_connection(server.addresses[0][:2], DEADLINE)


def _shake(raw: socket.socket) -> Channel:
    channel = Channel(believing(), server_side=False)
    channel.begin()
    while not channel.established:
        raw.sendall(channel.take())
        channel.receive(raw.recv(65536))
    return channel


def test_words_in_single_bytes() -> None:
    """However small the pieces are in which it comes."""
    with running_server(tls=True) as server, _raw(server) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel = _shake(raw)
        wire = channel.encrypt(encode({"type": "hello", "version": 1, "nick": "ada"}))
        for place in range(len(wire)):
            raw.sendall(wire[place : place + 1])
        said = b""
        while not said:
            said = channel.receive(raw.recv(65536))
        assert b'"welcome"' in said


def test_a_reader_that_falls_behind_is_caught_up() -> None:
    """Nothing lost, nothing twice, and then it lives on."""
    with running_server(tls=True) as server, House(server) as house:
        deaf, talker = house.enter("deaf", "lobby"), house.enter("talker", "lobby")
        talk(talker, "lobby", 6000, "x" * 1000)
        read_in_order(deaf, "lobby", 1, 6000)
        deaf.ping()
        talker.send({"type": "say", "id": 6001, "room": "lobby", "text": "6001 live"})
        read_in_order(deaf, "lobby", 6001, 6001)


def test_who_finds_no_place_is_told() -> None:
    """Once both have agreed how to talk."""
    with running_server(tls=True, connections=1) as server, House(server) as house:
        house.enter("ada")
        late = house.connect()
        error = late.expect_fatal("server_full")
        assert error["retry_after"] > 0


def test_who_is_there_when_the_server_stops_is_told() -> None:
    """Those in the middle of a handshake keep nobody."""
    with running_server(tls=True, linger=1.0) as server:
        ada = Peer.connect(server.addresses[0])
        ada.hello("ada")
        shy = _raw(server)
    with ada, shy:
        ada.expect_end("shutting_down")


# -- who is bad at it -----------------------------------------------------------------------------


def test_a_handshake_has_as_long_as_a_hello() -> None:
    """And whoever takes longer holds up nobody meanwhile."""
    clock = ManualClock()
    with running_server(tls=True, clock=clock, linger=0.05) as server, House(server) as house:
        with _raw(server) as shy:
            channel = Channel(believing(), server_side=False)
            channel.begin()
            shy.sendall(channel.take()[:100])
            ada = house.enter("ada", "lobby")
            ada.say("lobby", "hi")
            clock.advance(10.0)
            server.timers.wake()
            eventually(lambda: _only_one_is_left(server, clock))
            assert shy.recv(1000) == b""
        ada.ping()


def _only_one_is_left(server: Server, clock: ManualClock) -> bool:
    clock.advance(0.1)  # so that the time is over that the last bytes may take
    return len(_connections(server)) == 1


def _connections(server: Server) -> list[object]:
    server.timers.wake()
    return list(server._crowd.connections())


@pytest.mark.parametrize(
    "data",
    [
        b"\x16" * 600,
        b"\x16" * 60_000,  # more than is read before it is seen to be wrong
        b"\x15\x03\x01\x00\x02\x02\x28",
    ],
)
def test_garbage_instead_of_a_handshake(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is told and cut off, one line says why, and nobody else notices."""
    caplog.set_level(logging.INFO)
    with running_server(tls=True) as server, House(server) as house:
        with _raw(server) as raw:
            raw.sendall(data)
            _read_to_the_end(raw)
            raw.shutdown(socket.SHUT_WR)  # not reset, which may lose the alert that says why
        house.enter("ada")
        eventually(lambda: len(_connections(server)) == 1)
    assert "do not understand each other" in caplog.text


def test_who_does_not_leave_after_the_alert() -> None:
    """Its place is wanted back: what it still sends is dropped, and then it is cut off."""
    with running_server(tls=True, linger=0.05) as server, _raw(server) as raw:
        raw.sendall(b"\x16" * 600)
        _read_to_the_end(raw)
        eventually(lambda: not _connections(server))


def test_garbage_that_is_not_even_wrong_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Half a record, and then nothing more: whoever sent it has left."""
    caplog.set_level(logging.INFO)
    with running_server(tls=True) as server, House(server) as house:
        with _raw(server) as raw:
            raw.sendall(b"\x16\x03\x01\x40\x00" + b"x" * 100)
            raw.shutdown(socket.SHUT_WR)
            _read_to_the_end(raw)
        house.enter("ada")
        eventually(lambda: len(_connections(server)) == 1)
    assert "left" in caplog.text


def _read_to_the_end(raw: socket.socket) -> None:
    while raw.recv(1000):
        pass


def test_garbage_after_the_handshake() -> None:
    """What was changed on the way ends that connection, and that one alone."""
    with running_server(tls=True) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        with _raw(server) as raw:
            channel = _shake(raw)
            wire = channel.encrypt(encode({"type": "hello", "version": 1, "nick": "eve"}))
            raw.sendall(wire[:-1] + bytes([wire[-1] ^ 1]))
            alert = raw.recv(65536)
            with pytest.raises(TlsError, match=r"changed what it sent|bad record mac"):
                channel.receive(alert)
        ada.ping()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(version: ssl.TLSVersion) -> None:
    """By the server, with an alert that says so."""
    with running_server(tls=True) as server, _raw(server) as raw:
        context = only(version)
        with pytest.raises(ssl.SSLError, match=r"VERSION|version"):
            context.wrap_socket(raw)


def test_whoever_does_not_speak_tls_is_told_in_plain_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And nothing that was said so is done."""
    caplog.set_level(logging.INFO)
    with running_server(tls=True, linger=0.05) as server, Peer.connect(plain(server)) as peer:
        peer.send({"type": "hello", "version": 1, "nick": "ada"})
        error = peer.expect_fatal("bad_frame")
        assert "--tls" in error["text"]
        eventually(lambda: not _connections(server))
    assert "does not speak TLS" in caplog.text
    assert "came in" not in caplog.text


def test_whoever_waits_for_the_server_to_begin_is_told_in_plain_words() -> None:
    """In time, where nothing was said: neither a frame nor TLS."""
    with (
        running_server(tls=True, hello_timeout=0.2) as server,
        Peer.connect(plain(server)) as peer,
    ):
        assert "--tls" in peer.expect_fatal("hello_timeout")["text"]


def test_whoever_speaks_tls_to_a_server_without_is_refused(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what the matter is."""
    caplog.set_level(logging.INFO)
    with pytest.raises(ssl.SSLError):
        connect_socket(house.address.replace("tcp://", "tls://"))
    eventually(lambda: "speaks TLS, and this server does not" in caplog.text)


# -- the certificate ------------------------------------------------------------------------------


def test_a_key_and_a_certificate_are_made_once(tmp_path: Path) -> None:
    """Private from the beginning, and the same at the next start."""
    shown = []
    for _ in range(2):
        with running_server(tmp_path, tls=True) as server:
            shown.append(server.fingerprint)
            assert shown_by(server.addresses[0]) == server.fingerprint
    assert shown[0] == shown[1]
    for name in (tls.KEY_FILE, tls.CERTIFICATE_FILE):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("tls*")) == sorted(
        [tls.KEY_FILE, tls.CERTIFICATE_FILE]
    )


def test_a_start_that_was_cut_short_is_made_good(tmp_path: Path) -> None:
    """A key without a certificate is kept, and half a file does not prevent a start."""
    with running_server(tmp_path, tls=True):
        pass
    key = (tmp_path / tls.KEY_FILE).read_bytes()
    (tmp_path / tls.CERTIFICATE_FILE).unlink()
    (tmp_path / f"{tls.CERTIFICATE_FILE}.new").write_bytes(b"half")
    with running_server(tmp_path, tls=True) as server:
        shown_by(server.addresses[0])
    assert (tmp_path / tls.KEY_FILE).read_bytes() == key


def test_a_real_certificate(tmp_path: Path) -> None:
    """Two files name it, and a client that trusts who vouches for it is content."""
    files = make_files(tmp_path)
    with running_server(tls_cert=files.certificate, tls_key=files.key) as server:
        context = ssl.create_default_context(cafile=files.certificate)
        raw = socket.create_connection(server.addresses[0][:2], DEADLINE)
        with context.wrap_socket(raw, server_hostname="localhost") as secure:
            assert secure.version() == "TLSv1.3"


def _missing_certificate(settings: Settings) -> Settings:
    assert settings.tls_cert is not None
    settings.tls_cert.unlink()
    return settings


def _missing_key(settings: Settings) -> Settings:
    assert settings.tls_key is not None
    settings.tls_key.unlink()
    return settings


def _unreadable_key(settings: Settings) -> Settings:
    assert settings.tls_key is not None
    settings.tls_key.unlink()
    settings.tls_key.mkdir()  # as nobody can read it, whatever they may
    return settings


def _another_key(settings: Settings) -> Settings:
    assert settings.tls_key is not None
    return dataclasses.replace(settings, tls_key=make_files(settings.tls_key.parent, "other").key)


def _encrypted_key(settings: Settings) -> Settings:
    assert settings.tls_key is not None
    encrypt_key(settings.tls_key)
    return settings


def _no_key(settings: Settings) -> Settings:
    return dataclasses.replace(settings, tls_key=None)


def _no_certificate(settings: Settings) -> Settings:
    assert settings.tls_cert is not None
    settings.tls_cert.write_text("hello")
    return settings


def _key_for_certificate(settings: Settings) -> Settings:
    return dataclasses.replace(settings, tls_key=settings.tls_cert)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_missing_certificate, r"real\.crt cannot be read: No such file"),
        (_missing_key, r"real\.key cannot be read: No such file"),
        (_unreadable_key, r"real\.key cannot be read"),
        (_another_key, r"other\.key is not the one of the certificate"),
        (_encrypted_key, r"real\.key is encrypted"),
        (_no_key, "belong together"),
        (_no_certificate, r"real\.crt holds no certificate"),
        (_key_for_certificate, r"real\.crt holds no private key"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, spoil: object, says: str) -> None:
    """The server does not start, says which file it is and why; so does --check."""
    assert callable(spoil)
    files = make_files(tmp_path)
    settings = spoil(
        Settings(
            hosts=("127.0.0.1",),
            port=0,
            data=tmp_path / "data",
            tls_cert=files.certificate,
            tls_key=files.key,
        )
    )
    with pytest.raises(StartError, match=says):
        Server(settings).start()
    (problem,) = preflight.check(settings)
    with pytest.raises(StartError, match=says):
        raise StartError(problem)


def test_a_new_certificate_without_a_restart(tmp_path: Path) -> None:
    """Who is here stays; who comes is shown the new one; a bad one changes nothing."""
    files, other = make_files(tmp_path), make_files(tmp_path, "other")
    with (
        running_server(tls_cert=files.certificate, tls_key=files.key) as server,
        House(server) as house,
    ):
        ada, before = house.enter("ada", "lobby"), server.fingerprint
        files.certificate.write_bytes(other.certificate.read_bytes())
        with pytest.raises(StartError):  # its key is not there yet
            server.reload(server.settings)
        assert shown_by(house.address) == server.fingerprint == before
        files.key.write_bytes(other.key.read_bytes())
        server.reload(server.settings)
        assert shown_by(house.address) == server.fingerprint != before
        ada.say("lobby", "still here")


def test_other_files_without_a_restart(tmp_path: Path) -> None:
    """From the server's own certificate to a real one and back, but not from TLS to none."""
    real = make_files(tmp_path)
    with running_server(tmp_path, tls=True) as server, House(server) as house:
        own, ada = server.fingerprint, house.enter("ada", "lobby")
        settings = server.settings
        server.reload(
            dataclasses.replace(settings, tls=False, tls_cert=real.certificate, tls_key=real.key)
        )
        assert shown_by(house.address) == server.fingerprint != own
        missing = dataclasses.replace(server.settings, tls_cert=tmp_path / "none")
        with pytest.raises(StartError, match="none cannot be read"):
            server.reload(missing)
        assert server.settings.tls_cert == real.certificate
        server.reload(settings)
        assert shown_by(house.address) == server.fingerprint == own
        ada.say("lobby", "still here")


def test_whether_tls_is_spoken_takes_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Either way; a certificate that is named meanwhile does not count."""
    real = make_files(tmp_path)
    caplog.set_level(logging.INFO)
    with running_server(tmp_path) as server, House(server) as house:
        server.reload(
            dataclasses.replace(server.settings, tls_cert=real.certificate, tls_key=real.key)
        )
        house.enter("ada", "lobby")
    assert f'this needs a restart: tls_cert = "{real.certificate}"' in caplog.messages
    with running_server(tmp_path, tls=True) as server:
        before = server.fingerprint
        server.reload(dataclasses.replace(server.settings, tls=False))
        assert shown_by(address_of(server)) == server.fingerprint == before
    assert "this needs a restart: tls = false" in caplog.messages


def test_the_program(tmp_path: Path) -> None:
    """What it says when it is ready is what is shown; SIGHUP brings what the files hold now."""
    with ServerProcess.serve(tmp_path, "--tls") as server:
        assert server.address.startswith("tls://127.0.0.1:")
        eventually(lambda: f"chat-client --tls 127.0.0.1:{server.port}" in server.stdout)
        eventually(lambda: "--fingerprint" in server.stdout)
        before = shown_by(server.address)
        assert shown_fingerprint(before) in server.stdout
        with Peer.connect(server.address) as ada:
            ada.hello("ada")
            other = make_files(tmp_path, "other")
            other.key.replace(tmp_path / tls.KEY_FILE)
            other.certificate.replace(tmp_path / tls.CERTIFICATE_FILE)
            os.kill(server.pid, signal.SIGHUP)
            eventually(lambda: "the certificate is another one" in server.stderr)
            after = shown_by(server.address)
            assert after != before
            assert shown_fingerprint(after) in server.stderr
            ada.ping()


# -- the wire -------------------------------------------------------------------------------------


def test_a_peer_that_breaks_off_disturbs_nobody() -> None:
    """A reset in the middle of a room ends that connection, and nothing else."""
    with running_server(tls=True) as server, House(server) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        eva.reset()
        ada.say("lobby", "hi")
        eventually(lambda: len(_connections(server)) == 1)
        ada.ping()
