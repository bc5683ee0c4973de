"""Metrics for Prometheus."""

import ipaddress
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chat_server import preflight
from chat_server.network.socket_service import VISIT_LIMIT
from chat_server.runtime.config import config_loader
from chat_server.runtime.config.setting_types import Endpoint
from chat_server.runtime.config.settings import Settings
from chat_server.runtime.errors import SettingError, StartError
from chat_server.server import Server
from protocol.errors import Code
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import running_server
from tests.support.waiting import DEADLINE, eventually

ANYWHERE = Endpoint("127.0.0.1", 0)

Samples = dict[str, float]


class Watched(House):
    """A server whose metrics are watched, and the people in it."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        assert server.metrics is not None
        self.running = server
        self.url = f"http://{server.metrics.authority}/metrics"
        self.where = (server.metrics.host, server.metrics.port)

    def text(self) -> str:
        """What Prometheus gets."""
        with urllib.request.urlopen(self.url, timeout=DEADLINE) as response:
            assert response.headers["Content-Type"].startswith("text/plain")
            return str(response.read().decode())

    def samples(self) -> Samples:
        """Every series, by its name and labels as they are written."""
        found = {}
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found


@contextmanager
def watched(clock: ManualClock | None = None) -> Iterator[Watched]:
    """Run a server whose metrics are watched."""
    with running_server(clock=clock, metrics=ANYWHERE) as server, Watched(server) as house:
        yield house


def behind(samples: Samples) -> bool:
    return samples["backchannel_clients_behind"] > 0


def test_what_is_counted() -> None:
    """Messages, and what each member got of them; who is there; what was refused."""
    with watched() as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby", "garden")
        for number in range(10):
            ada.say("lobby", f"text {number}")
        eva.say("garden", "hi")
        eva.messages(11)
        ada.messages(10)
        ada.refused("not_in_room", "say", room="garden", text="hi")
        eva.ok("leave", room="lobby")
        ada.say("lobby", "alone")
        ada.messages(1)
        again = house.enter("eva", session=eva.session)
        eva.expect_end("replaced")
        house.connect().hello("two words")
        again.ping()
        found = house.samples()
    assert found["backchannel_messages_total"] == 12
    assert found["backchannel_deliveries_total"] == 2 * 10 + 1 + 1
    assert found["backchannel_connections_accepted_total"] == 4
    assert found["backchannel_connections"] >= found["backchannel_clients"] == 2
    assert found["backchannel_rooms"] == 2
    assert found["backchannel_members"] == 1
    assert found["backchannel_sessions_total{kind=new}"] == 2
    assert found["backchannel_sessions_total{kind=resumed}"] == 1
    assert found["backchannel_refusals_total{code=not_in_room}"] == 1
    assert found["backchannel_refusals_total{code=bad_nick}"] == 1
    assert found["backchannel_closes_total{code=replaced}"] == 1
    assert found["backchannel_storing"] == 1
    assert found["backchannel_waiting_messages"] == 0
    assert found["backchannel_clients_behind"] == 0
    assert found["process_open_fds"] > 0


@needs_redis
@pytest.mark.long
def test_how_the_engine_is_doing(tmp_path: Path) -> None:
    """With Redis alone: how it answers and tells, and how many servers share it."""
    with (
        RedisServer(tmp_path / "redis") as redis,
        running_server(log=redis.address, metrics=ANYWHERE) as server,
        Watched(server) as house,
        running_server(log=redis.address),
    ):
        eventually(lambda: house.samples()["backchannel_servers"] == 2)
        eventually(lambda: house.samples()["backchannel_engine_lag_seconds"] > 0)
        assert house.samples()["backchannel_engine_round_trip_seconds"] > 0
    with watched() as house:
        assert "backchannel_servers" not in house.samples()


def test_distributions() -> None:
    """Batches, transactions and rounds: each message is in one of each."""
    with watched() as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        for number in range(50):
            ada.post("say", room="lobby", text=f"text {number}")
        eva.messages(50)
        ada.ping()
        found: Samples = {}
        eventually(lambda: found.update(house.samples()) or _round_is_over(found))
    batches = found["backchannel_batch_messages_count"]
    assert 1 <= batches <= 50
    assert found["backchannel_batch_messages_sum"] == 50
    assert found["backchannel_commit_seconds_count"] == batches
    assert found["backchannel_batch_messages_bucket{le=+Inf}"] == batches
    assert found["backchannel_batch_messages_bucket{le=500.0}"] == batches
    assert 0 < found["backchannel_commit_seconds_sum"] < found["backchannel_delivery_seconds_sum"]


def _round_is_over(found: Samples) -> bool:
    return found["backchannel_delivery_seconds_count"] == found["backchannel_batch_messages_count"]


def test_who_does_not_keep_up_is_seen() -> None:
    """While it lasts; the deliveries follow when it reads."""
    with watched() as house:
        sleepy, ada = house.enter("sleepy", "lobby"), house.enter("ada", "lobby")
        count = 0
        while not behind(house.samples()):
            for _ in range(100):
                ada.post("say", room="lobby", text="x" * 4000)
            ada.ping()
            count += 100
        ada.messages(count)
        sleepy.messages(count)
        eventually(lambda: not behind(house.samples()))
        assert house.samples()["backchannel_deliveries_total"] == 2 * count


def test_a_fatal_mistake_is_counted_once() -> None:
    """As a refusal, and as a close."""
    with watched() as house:
        peer = house.connect()
        peer.send_raw(b"\x00\x00\x00\x00")
        peer.expect_fatal("bad_frame")
        found = house.samples()
    assert found["backchannel_refusals_total{code=bad_frame}"] == 1
    assert found["backchannel_closes_total{code=bad_frame}"] == 1


def test_whoever_is_ended_by_two_threads_at_once_is_counted_once() -> None:
    """By a moderator, say, and by their own end. The threads wait in a loop, to be close enough."""
    count = 100
    with watched() as house:
        for _ in range(count):
            house.connect()
        crowd = house.running._crowd
        eventually(lambda: len(crowd.connections()) == count)
        connections, reached = crowd.connections(), [0, 0]

        def end_all(place: int) -> None:
            for number, connection in enumerate(connections, 1):
                reached[place] = number
                while min(reached) < number:
                    continue
                connection.close(Code.KICKED, "You were thrown out.")

        threads = [threading.Thread(target=end_all, args=(place,)) for place in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert house.samples()["backchannel_closes_total{code=kicked}"] == count


def test_who_is_not_let_in_is_counted() -> None:
    """Also where nobody is asked for a hello first."""
    denied = (ipaddress.ip_network("127.0.0.0/8"),)
    with running_server(metrics=ANYWHERE, deny=denied) as server, Watched(server) as house:
        house.connect().expect_fatal("banned")
        assert house.samples()["backchannel_refusals_total{code=banned}"] == 1


def test_names_follow_the_conventions() -> None:
    """One prefix, base units, no user and no room in a label."""
    with watched() as house:
        ada = house.enter("ada-the-person", "a-certain-room")
        ada.say("a-certain-room", "secret")
        ada.refused("no_such_nick", "tell", to="nobody-at-all", text="x")
        text = house.text()
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(names) == len(set(names)) > 15
    assert all(name.startswith(("backchannel_", "process_")) for name in names)
    assert not [word for word in ("ada", "certain", "secret", "nobody") if word in text]
    labels = set(re.findall(r'[{,]([a-z_]+)="', text))
    assert labels <= {"code", "kind", "le", "server"}
    for name in names:
        assert f"# HELP {name} " in text


def test_nothing_is_watched_unless_asked() -> None:
    """No socket, no thread."""
    with running_server() as server:
        assert server.metrics is None
        assert "metrics" not in [thread.name for thread in threading.enumerate()]


def test_two_servers_do_not_meet() -> None:
    """Each counts its own."""
    with watched() as one, watched() as other:
        one.enter("ada", "lobby").say("lobby", "hi")
        assert one.samples()["backchannel_messages_total"] == 1
        assert other.samples()["backchannel_messages_total"] == 0


@pytest.mark.parametrize(
    "garbage", [b"", b"\n\n", b"\x16\x03\x01\x00\xa5", b"POST / HTTP/1.1\r\n\r\n", b"x" * 70000]
)
def test_garbage_is_no_harm(garbage: bytes) -> None:
    """The next one is answered."""
    with watched() as house:
        with socket.create_connection(house.where, DEADLINE) as sock:
            sock.sendall(garbage)
        assert "backchannel_clients" in house.text()


def test_who_dribbles_is_cut_off() -> None:
    """After a few seconds; then the next one has its turn. Nor is the end held up."""
    clock = ManualClock()
    with watched(clock) as house:
        assert house.server is not None
        with socket.create_connection(house.where, DEADLINE) as slow:
            slow.sendall(b"GET /metrics HTTP/1.1\r\n")
            eventually(lambda: _served(house, clock, slow))
        assert "backchannel_clients" in house.text()
        waiting = socket.create_connection(house.where, DEADLINE)
        waiting.sendall(b"GET ")
    waiting.close()


def _served(house: Watched, clock: ManualClock, slow: socket.socket) -> bool:
    """Whether the slow one was cut off, once its time was over."""
    clock.advance(VISIT_LIMIT + 1)
    assert house.server is not None
    house.server.timers.wake()
    slow.settimeout(0.05)
    try:
        return slow.recv(10000) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that says what to install, also when the settings are checked; a server without
    metrics does without it.
    """
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "chat_server.gateways.operator.metrics", raising=False)
    with pytest.raises(StartError, match=r"-m pip install prometheus-client$"):
        Server(Settings(hosts=("127.0.0.1",), port=0, data=tmp_path, metrics=ANYWHERE)).start()
    (problem,) = preflight.check(Settings(data=tmp_path, metrics=ANYWHERE))
    command = problem.partition("Type:  ")[2].replace("pip install", "pip --version #")
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert preflight.check(Settings(data=tmp_path)) == []
    with running_server(tmp_path):
        pass


def test_a_place_that_is_taken(tmp_path: Path) -> None:
    """A sentence that says where, and nothing is left open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        there = Endpoint("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(StartError, match=f"{there}.*--metrics"):
            Server(Settings(hosts=("127.0.0.1",), port=0, data=tmp_path, metrics=there)).start()
    nowhere = Endpoint("no.such.host.invalid", 9100)
    with pytest.raises(StartError, match=r"no\.such\.host\.invalid"):
        Server(Settings(hosts=("127.0.0.1",), port=0, data=tmp_path, metrics=nowhere)).start()


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("9100", Endpoint("127.0.0.1", 9100)),
        (":9100", Endpoint("127.0.0.1", 9100)),
        ("0.0.0.0:9100", Endpoint("0.0.0.0", 9100)),
        ("[::1]:9100", Endpoint("::1", 9100)),
        ("", None),
    ],
)
def test_where(text: str, endpoint: Endpoint | None) -> None:
    """This machine alone, unless a host is named."""
    assert config_loader.read({"metrics": text}, {}).settings.metrics == endpoint


@pytest.mark.parametrize("text", ["host", "::1:9100", "host:", "host:99999", "a:b:1", "[::1]"])
def test_what_is_no_place(text: str) -> None:
    """Refused before anything starts."""
    with pytest.raises(SettingError, match="HOST:PORT"):
        config_loader.read({"metrics": text}, {})


def test_a_peer_is_not_kept_waiting_by_who_looks() -> None:
    """Looking takes no lock for longer than a moment."""
    with watched() as house:
        ada = house.enter("ada", "lobby")
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                house.text()

        looking = threading.Thread(target=look)
        looking.start()
        _talk(ada, 200)
        done.set()
        looking.join()


def _talk(peer: Peer, count: int) -> None:
    for number in range(count):
        peer.say("lobby", f"text {number}")
