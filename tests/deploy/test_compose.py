"""deploy/compose.yaml and deploy/haproxy.cfg fit the program, and the balancer balances."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from chat_server.runtime.config.settings import SETTINGS
from tests.chat_server.house import House, texts
from tests.chat_server.storage.redis_house import serve
from tests.support.peer import ConnectionEnded, Peer
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import ROOT
from tests.support.waiting import eventually

COMPOSE = ROOT / "deploy/compose.yaml"
BALANCER = ROOT / "deploy/haproxy.cfg"
PROGRAM = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin")

needs_haproxy = pytest.mark.skipif(PROGRAM is None, reason="needs haproxy")


def services() -> dict[str, dict[str, Any]]:
    """What compose.yaml runs."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def test_two_servers_share_one_redis_and_have_their_own_folders() -> None:
    """All settings are known to the program, and all volumes and files are there."""
    composed = yaml.safe_load(COMPOSE.read_text())
    one, two = services()["one"], services()["two"]
    variables = {setting.variable: setting for setting in SETTINGS.values()}
    for server in (one, two):
        for name, value in server["environment"].items():
            variables[name].rule.read(value)
        assert server["build"]["dockerfile"] == "deploy/Containerfile"
        assert server["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert one["environment"]["CHAT_LOG"] == two["environment"]["CHAT_LOG"]
    assert one["volumes"] != two["volumes"]
    named = [each.split(":") for service in services().values() for each in service["volumes"]]
    folders = {volume for volume, *_ in named if not volume.startswith(".")}
    assert folders == set(composed["volumes"])
    for volume, *_ in named:
        assert volume in folders or (COMPOSE.parent / volume).exists()


def test_redis_keeps_what_it_confirmed() -> None:
    """It has an append-only file, and throws nothing away when its memory is full."""
    command = services()["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_the_image_has_the_library_for_redis() -> None:
    """It is installed with that extra."""
    assert re.search(r"pip install .*\[[a-z,]*redis", (ROOT / "deploy/Containerfile").read_text())


def test_the_balancer_knows_both_servers() -> None:
    """By the names of their services, on the port that the image has."""
    asked = re.findall(r"^\s+server (\S+) (\S+):(\d+)", BALANCER.read_text(), re.MULTILINE)
    assert asked == [("one", "one", "7878"), ("two", "two", "7878")]
    published = services()["balancer"]["ports"]
    assert [each.split(":")[1] for each in published] == re.findall(
        r"bind :(\d+)", BALANCER.read_text()
    )


@contextmanager
def balancer(folder: Path, *ports: int) -> Iterator[str]:
    """haproxy as it is configured, before servers on this machine. Gives its address."""
    assert PROGRAM is not None
    listen, text = free_port(), BALANCER.read_text()
    for name, port in zip(("one", "two"), ports, strict=True):
        text = text.replace(f"{name}:7878", f"127.0.0.1:{port}")
    text = text.replace("bind :7878", f"bind 127.0.0.1:{listen}")
    text = text.replace("maxconn 20000", "maxconn 100")  # a test may have few descriptors
    config = folder / "haproxy.cfg"
    config.write_text(text)
    checked = subprocess.run(
        [PROGRAM, "-c", "-f", config], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr, checked.stderr
    child = subprocess.Popen(
        [PROGRAM, "-db", "-f", config],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"tcp://127.0.0.1:{listen}"
    finally:
        child.kill()
        child.wait()


@pytest.mark.long
@needs_redis
@needs_haproxy
def test_clients_of_a_server_that_stands_still_come_to_the_other(tmp_path: Path) -> None:
    """The balancer spreads who comes, and cuts off whoever hangs on a server that is dead."""
    with (
        RedisServer(tmp_path / "redis") as redis,
        serve(redis, tmp_path / "one") as one,
        serve(redis, tmp_path / "two") as two,
        balancer(tmp_path, one.port, two.port) as address,
        House(one.address) as direct,
    ):
        eventually(lambda: _takes_clients(address))
        with House(address) as house:
            ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
            ada.say("lobby", "hello")
            assert texts(eva.messages(1)) == ["hello"]
            one.pause()
            eventually(lambda: _has_ended(ada) or _has_ended(eva), within=80)
            assert house.enter("max", "lobby").say("lobby", "still here") == 2
            one.go_on()
        assert direct.enter("zoe", "lobby").say("lobby", "again") == 3


def _takes_clients(address: str) -> bool:
    try:
        Peer.connect(address).close()
    except ConnectionRefusedError:
        return False
    return True


def _has_ended(peer: Peer) -> bool:
    """Read what there is; return whether the connection has ended."""
    try:
        while True:
            peer.receive(within=0.01)
    except TimeoutError:
        return False
    except (ConnectionEnded, ConnectionError):
        return True
