"""Which certificates a client believes."""

import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import chat_client
from chat_client import (
    Authorities,
    ChatError,
    Ended,
    FirstUse,
    Pinned,
    Reconnecting,
    TlsAddress,
    Trusted,
    Untrusted,
)
from chat_client.files.known_servers import KnownServers, known_servers_file
from chat_client.transport import trust
from chat_client.transport.trust import refuse_downgrade
from chat_server.server import Server
from protocol.tls import parse_fingerprint, shown_fingerprint
from tests.chat_client.recorder import Recorder
from tests.chat_client.transport.certified import authority, renew
from tests.support.servers import address_of, running_server
from tests.support.tls import Files, make_files
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("_reconnects_at_once")

ONE, OTHER = "1" * 64, "2" * 64


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
    server: Server, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that cannot be written is no reason to believe two certificates."""
    (tmp_path / "home").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
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
    for believed in (Authorities(), Authorities(make_files(tmp_path, "other").certificate)):
        with pytest.raises(Untrusted, match="vouches for"):
            chat_client.connect(TlsAddress("localhost", port, believed), nick="ana")
    mine = Authorities(files.certificate)
    with running_server(
        hosts=("127.0.0.2",), tls_cert=files.certificate, tls_key=files.key
    ) as elsewhere:
        where = TlsAddress("127.0.0.2", elsewhere.addresses[0].port, mine)
        with pytest.raises(Untrusted, match="not valid for"):
            chat_client.connect(where, nick="ana")
    with pytest.raises(ChatError, match="missing cannot be used as --ca"):
        chat_client.connect(TlsAddress("localhost", port, Authorities(tmp_path / "missing")))


def test_a_server_that_was_known_with_tls_is_not_talked_to_without(tmp_path: Path) -> None:
    """A user who forgets --tls once does not send the password to an attacker."""
    known = KnownServers(tmp_path / "known_servers")
    known.add("school:7878", "a" * 64)
    with pytest.raises(Untrusted, match=r"connect with --tls.*remove line 3 of"):
        refuse_downgrade("school:7878", known)
    refuse_downgrade("school:7879", known)
    refuse_downgrade("school:7878", KnownServers(tmp_path / "none"))


def test_such_a_server_hears_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not even connected to."""
    file = tmp_path / "known_servers"
    monkeypatch.setattr(trust, "known_servers_file", lambda: file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        server = f"127.0.0.1:{listener.getsockname()[1]}"
        KnownServers(file).add(server, "a" * 64)
        with pytest.raises(Untrusted):
            chat_client.connect(server, nick="ana", password="correct horse")
        with pytest.raises(BlockingIOError):
            listener.accept()
