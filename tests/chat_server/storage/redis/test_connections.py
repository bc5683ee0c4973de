"""What a start says of a Redis that cannot be used, and what an error of a connection means."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from chat_server.runtime.errors import StoreError
from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.reach import redis_wire
from chat_server.storage.redis.reach.redis_wire import RedisAwayError, RedisSilentError
from chat_server.storage.redis.scripts import Script
from tests.chat_server.house import House
from tests.chat_server.storage.redis_house import refusal
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import ServerProcess

pytestmark = needs_redis

LOOPBACK = ip_address("127.0.0.1")


@pytest.fixture
def losses() -> list[str | None]:
    """What was told of broken connections."""
    return []


@pytest.fixture
def pool(empty_redis: RedisServer, losses: list[str | None]) -> Iterator[Connections]:
    made = Connections(empty_redis.address, "", lambda _: None, losses.append, lambda: None)
    yield made
    made.close()


def test_nobody_is_there(tmp_path: Path) -> None:
    """The address is named. The exit code is one for which a service manager tries again."""
    url = f"redis://127.0.0.1:{free_port()}/0"
    said = refusal(tmp_path, url, code=1)
    assert url in refusal(tmp_path, url, {"CHAT_LOG_JSON": "yes"}, 1)
    assert f"the logs cannot be kept in Redis: {url} cannot be reached" in said


def test_the_password(tmp_path: Path) -> None:
    """From a file or the environment, never in the address; without the right one, a sentence."""
    with RedisServer(tmp_path / "redis", "--requirepass", "right") as redis:
        for wrong in ({}, {"CHAT_LOG_PASSWORD": "wrong"}):
            said = refusal(tmp_path / "data", redis.url, wrong)
            assert "does not let us in" in said
            assert "--log-password-file" in said
        said = refusal(tmp_path / "data", redis.url.replace("//", "//:right@"))
        assert "the address holds a password" in said
        secret = tmp_path / "password"
        secret.write_text("right\n")
        more = ("--log", redis.url, "--log-password-file", secret)
        with ServerProcess.serve(tmp_path / "data", *more) as server:
            assert server.addresses


def test_the_library_is_missing(tmp_path: Path, empty_redis: RedisServer) -> None:
    """The command that installs it is named; and nothing else needs it."""
    (tmp_path / "redis.py").write_text("raise ImportError('not installed')")
    hidden = {"PYTHONPATH": str(tmp_path)}
    said = refusal(tmp_path / "data", empty_redis.url, hidden)
    assert "logs in Redis need the library redis, which is not installed. Type:" in said
    assert "-m pip install redis" in said
    where = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / "data")
    with ServerProcess(*where, environment=hidden) as server:
        server.wait_until_listening()


def test_the_data_of_another_version(tmp_path: Path, empty_redis: RedisServer) -> None:
    """Nothing is written."""
    empty_redis.do("SET", "backchannel:{log}:format", "7")
    said = refusal(tmp_path, empty_redis.url)
    assert "the logs in Redis have the format '7'" in said
    assert empty_redis.do("DBSIZE") == 1


def test_a_replica(tmp_path: Path) -> None:
    """It is named as that."""
    with RedisServer(tmp_path / "redis") as redis:
        redis.do("REPLICAOF", "127.0.0.1", "1")
        assert "this Redis is a replica" in refusal(tmp_path / "data", redis.url)


def test_a_unix_socket(tmp_path: Path) -> None:
    """In place of a host and a port."""
    path = tmp_path / "r.sock"
    where = ("--log", f"unix://{path}?db=3")
    with (
        RedisServer(tmp_path / "redis", "--unixsocket", str(path)),
        ServerProcess.serve(tmp_path / "data", *where) as server,
    ):
        assert server.addresses


def test_replies_come_in_order(pool: Connections) -> None:
    """Of commands and scripts, in one go; a refusal stands in its place, or is raised."""
    script = Script("return redis.call('INCR', KEYS[1])")
    replies = pool.send([("SET", "a", 1), Call(script, ["a"]), ("LPUSH", "a", 1), ("GET", "a")])
    assert (replies[0], replies[1], replies[3]) == (b"OK", 2, b"2")
    assert "WRONGTYPE" in str(replies[2])
    with pytest.raises(StoreError, match="WRONGTYPE"):
        pool.ask("LPUSH", "a", 1)
    assert pool.ask("GET", "a") == b"2"


def test_what_was_sent_and_not_answered_is_not_known(
    pool: Connections,
    empty_redis: RedisServer,
    losses: list[str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection is given up, and the next command has another one."""
    monkeypatch.setattr(redis_wire, "ANSWER_TIMEOUT", 0.2)
    empty_redis.pause()
    with pytest.raises(RedisAwayError, match="cannot be reached"):
        pool.ask("INCR", "a")  # it is asked who it is ahead of everything else
    empty_redis.go_on()
    pool.ask("INCR", "a")
    empty_redis.pause()
    with pytest.raises(RedisSilentError, match="did not answer"):
        pool.ask("INCR", "a")
    empty_redis.go_on()
    assert pool.ask("INCR", "a") == b"3" or pool.ask("GET", "a") == b"3"
    assert [loss is None for loss in losses] == [False, True]


def test_an_idle_connection_that_was_closed_is_not_used(
    pool: Connections, empty_redis: RedisServer, losses: list[str | None]
) -> None:
    """Nothing is sent on it, so nothing is in doubt."""
    pool.ask("SET", "a", 1)
    empty_redis.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert pool.ask("GET", "a") == b"1"
    assert losses == []


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "redis.crt", folder / "redis.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


@pytest.mark.long
def test_a_redis_with_tls(tmp_path: Path) -> None:
    """It is believed by an authority of one's own; one of somebody else's is not."""
    crt, key = certificate(tmp_path)
    port = free_port()
    files = (
        "--tls-cert-file",
        f"{crt}",
        "--tls-key-file",
        f"{key}",
        "--tls-ca-cert-file",
        f"{crt}",
    )
    with RedisServer(
        tmp_path / "redis", "--tls-port", f"{port}", *files, "--tls-auth-clients", "no"
    ):
        url = f"rediss://127.0.0.1:{port}/0"
        said = refusal(tmp_path / "data", url, code=1)
        assert "certificate verify failed" in said
        more = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / "data", "--log", url)
        with ServerProcess(*more, environment={"SSL_CERT_FILE": f"{crt}"}) as server:
            server.wait_until_listening()
            with House(server.address) as house:
                assert house.enter("ada", "lobby").say("lobby", "hello") == 1
            server.terminate()
            assert server.wait() == 0


@pytest.mark.long
def test_a_node_of_a_cluster(tmp_path: Path) -> None:
    """A sentence says why it cannot be, and what can."""
    with RedisServer(tmp_path / "redis", "--cluster-enabled", "yes") as redis:
        said = refusal(tmp_path / "data", redis.url)
    assert "this Redis is a node of a Redis Cluster" in said
    assert "Write redis+cluster://" in said
