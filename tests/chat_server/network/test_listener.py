"""Where the server listens: every way of saying it, tried by connecting."""

import socket
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from chat_server.network import listener as listener_module
from chat_server.network.listener import Listener, Pace
from chat_server.runtime.errors import StartError
from protocol.errors import Code, ProtocolError
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import DEADLINE, eventually


def has_ipv6() -> bool:
    """Whether this machine can listen on IPv6's loopback."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


def greet(address: object, nick: str = "ada") -> None:
    """Come in at `address` and go again."""
    with Peer.connect(address) as peer:
        assert peer.hello(nick)["type"] == "welcome"
        peer.ok("bye")
        peer.expect_end("bye")


def refuses(address: str) -> bool:
    """Whether nobody listens at `address`."""
    try:
        Peer.connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


def port_of(address: object) -> int:
    return int(str(address).rpartition(":")[2])


def test_ipv4() -> None:
    """An IPv4 address: that one and no other."""
    with running_server(hosts=("127.0.0.1",)) as server:
        (address,) = server.addresses
        assert str(address).startswith("tcp://127.0.0.1:")
        greet(address)
        assert refuses(f"tcp://127.0.0.2:{port_of(address)}")


@needs_ipv6
def test_ipv6() -> None:
    """An IPv6 address, written in brackets."""
    with running_server(hosts=("::1",)) as server:
        (address,) = server.addresses
        assert str(address).startswith("tcp://[::1]:")
        greet(address)
        assert refuses(f"tcp://127.0.0.1:{port_of(address)}")


@needs_ipv6
def test_dual_stack() -> None:
    """`::` takes IPv6 and IPv4 on one port."""
    with running_server(hosts=("::",)) as server:
        (address,) = server.addresses
        greet(f"tcp://[::1]:{port_of(address)}")
        greet(f"tcp://127.0.0.1:{port_of(address)}")


def test_a_host_name() -> None:
    """`localhost` is all that it stands for, on one port."""
    stands_for = {
        info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)
    }
    with running_server(hosts=("localhost",)) as server:
        assert len(server.addresses) == len(stands_for)
        assert len({port_of(address) for address in server.addresses}) == 1
        for number, address in enumerate(server.addresses):
            greet(address, f"ada{number}")


def test_the_empty_host() -> None:
    """Every IPv4 interface: the whole of 127/8 shows it."""
    with running_server(hosts=("",)) as server:
        (address,) = server.addresses
        greet(f"tcp://127.0.0.1:{port_of(address)}")
        greet(f"tcp://127.0.0.2:{port_of(address)}")


def test_several_hosts() -> None:
    """`--host` any number of times: one server, one room, behind all of them."""
    with running_server(hosts=("127.0.0.1", "127.0.0.2")) as server:
        one, other = server.addresses
        with Peer.connect(one) as ada, Peer.connect(other) as eva:
            ada.hello("ada")
            eva.hello("eva")
            ada.join("lobby")
            eva.join("lobby")
            ada.say("lobby", "hi")
            assert eva.messages(1)[0]["from"] == "ada"


@needs_ipv6
def test_both_families_named_apart() -> None:
    """The empty host and `::` together are the two families, not a clash."""
    with running_server(hosts=("", "::")) as server:
        assert len(server.addresses) == 2
        for number, address in enumerate(server.addresses):
            family = "[::1]" if "[" in str(address) else "127.0.0.1"
            greet(f"tcp://{family}:{port_of(address)}", f"ada{number}")


def test_the_same_host_twice() -> None:
    """Said twice, listened on once."""
    with running_server(hosts=("127.0.0.1", "127.0.0.1")) as server:
        assert len(server.addresses) == 1
        greet(server.addresses[0])


def test_a_port_can_be_used_again_at_once(tmp_path: Path) -> None:
    """SO_REUSEADDR: a restart does not wait for old connections to be forgotten."""
    with ServerProcess.serve(tmp_path) as server:
        with Peer.connect(server.address) as ada:
            ada.hello("ada")
            server.terminate()
            ada.expect_end("shutting_down")
        assert server.wait() == 0
        with server.restarted() as again:
            assert again.port == server.port
            greet(again.address)


# -- Unix sockets ---------------------------------------------------------------------------------


def test_a_unix_socket(tmp_path: Path) -> None:
    """Beside TCP; its owner and group may use it, and it is gone when the server is."""
    path = tmp_path / "chat.sock"
    with running_server(unix=path) as server:
        assert str(server.addresses[-1]) == f"unix://{path}"
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        greet(server.addresses[-1], "ada")
        greet(server.addresses[0], "eva")


def test_people_on_both_kinds_of_socket_are_in_one_room(tmp_path: Path) -> None:
    """The room does not know sockets."""
    with running_server(unix=tmp_path / "chat.sock") as server:
        tcp, unix = server.addresses
        with Peer.connect(tcp) as ada, Peer.connect(unix) as eva:
            ada.hello("ada")
            eva.hello("eva")
            eva.join("lobby")
            ada.join("lobby")
            ada.say("lobby", "hi")
            assert eva.messages(1)[0]["from"] == "ada"


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    """The socket of a killed server does not prevent a start."""
    path = tmp_path / "chat.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with running_server(unix=path) as server:
        greet(server.addresses[-1])


def test_the_unix_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    """The same, with a real one."""
    path = tmp_path / "chat.sock"
    with ServerProcess.serve(tmp_path / "data", "--unix", path) as server:
        eventually(lambda: f"unix://{path}" in server.addresses)
        server.kill()
        assert path.exists()
        with server.restarted() as again:
            eventually(lambda: f"unix://{path}" in again.addresses)
            greet(f"unix://{path}")


def test_a_live_unix_socket_is_an_error(tmp_path: Path) -> None:
    """It is another server's; and that one goes on as before."""
    path = tmp_path / "chat.sock"
    with running_server(unix=path) as server:
        with (
            pytest.raises(StartError, match=r"chat\.sock"),
            running_server(tmp_path / "other", unix=path),
        ):
            pass
        greet(server.addresses[-1])


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_an_error_and_stays(tmp_path: Path, kind: str) -> None:
    """A path that was mistyped costs nobody their file."""
    path, kept = tmp_path / "chat.sock", tmp_path / "notes.txt"
    kept.write_text("precious")
    if kind == "file":
        kept.rename(path)
        kept = path
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kept)
    with pytest.raises(StartError), running_server(unix=path):
        pass
    assert path.exists()
    assert kept.read_text() == "precious"


def test_a_unix_path_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    """The system's limit is told as what it is."""
    with pytest.raises(StartError), running_server(unix=tmp_path / ("x" * 200)):
        pass


def test_a_failed_start_leaves_nothing(tmp_path: Path) -> None:
    """The data folder is free, no socket is bound, no thread runs: a second try works."""
    before = threading.active_count()
    with pytest.raises(StartError), running_server(tmp_path, unix=tmp_path):
        pass
    assert threading.active_count() == before
    with running_server(tmp_path) as server:
        greet(server.addresses[0])


# -- sockets are set up for chat ------------------------------------------------------------------


def test_a_reply_does_not_wait_for_more(tmp_path: Path) -> None:
    """TCP_NODELAY: a small reply does not wait until the one before it has arrived."""
    with running_server(tmp_path) as server, Peer.connect(server.addresses[0]) as ada:
        ada.hello("ada")
        (connection,) = server._running._crowd.connections()
        assert connection.outbox.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_stop_waits_only_so_long_for_a_connection_that_does_not_begin() -> None:
    """Its thread may take seconds to start among thousands. The accept thread ends after it."""
    begun, go_on = threading.Event(), threading.Event()

    def accepted(sock: socket.socket, _: str) -> None:
        begun.set()
        assert go_on.wait(DEADLINE)
        sock.close()

    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    address = f"tcp://127.0.0.1:{bound.getsockname()[1]}"
    full = ProtocolError(Code.SERVER_FULL, "full")
    listener = Listener([bound], accepted, lambda _: None, lambda *_: b"", full)
    listener.start()
    first, second = Peer.connect(address), Peer.connect(address)
    assert begun.wait(DEADLINE)
    listener.stop()
    assert not go_on.is_set(), "it did not wait for that"
    assert refuses(address)
    go_on.set()
    listener._thread.join(DEADLINE)
    assert not listener._thread.is_alive()
    for knocking in (first, second):
        with suppress(ConnectionResetError):  # as the system does to who was never accepted
            assert knocking.read_to_end() == []
        knocking.close()


def test_so_many_of_one_address_are_started_and_others_pass_them() -> None:
    """Whoever connects again and again waits; the rest of the server is for the others."""
    started: list[str] = []

    def accepted(sock: socket.socket, peer: str) -> None:
        started.append(peer.rpartition(":")[0])
        sock.close()

    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    full = ProtocolError(Code.SERVER_FULL, "full")
    pace = Pace(at_once=3, per_second=0.0)
    listener = Listener([bound], accepted, lambda _: None, lambda *_: b"", full, pace)
    listener.start()
    knocking: list[socket.socket] = []
    try:
        knocking += [
            socket.create_connection(bound.getsockname(), DEADLINE, source_address=(source, 0))
            for source in (*10 * ["127.0.1.1"], "127.0.1.2")
        ]
        eventually(lambda: "127.0.1.2" in started)
        eventually(lambda: len(listener._waiting) == 7)
    finally:
        listener.stop()
        for each in knocking:
            each.close()
    assert sorted(started) == [*3 * ["127.0.1.1"], "127.0.1.2"]


def test_a_pace_comes_back_with_time_and_forgets_who_has_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So the memory for it is bounded by those who came lately."""
    now = 100.0
    monkeypatch.setattr(listener_module, "PACED_LIMIT", 3)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = Pace(at_once=2, per_second=10.0)
    assert [pace.allows("a") for _ in range(3)] == [True, True, False]
    now += 0.125
    assert [pace.allows("a") for _ in range(2)] == [True, False]
    now += 5
    for address in "bcdefg":
        assert pace.allows(address)
        now += 1
    assert len(pace._left) <= 3
    assert [pace.allows("a") for _ in range(3)] == [True, True, False]
