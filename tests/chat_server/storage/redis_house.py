"""A server process whose logs are in Redis, or who listens in its place."""

from collections.abc import Mapping
from pathlib import Path

from chat_server.storage.interface import DirectOutcome, NeighbourListener, ProcessFacts
from tests.support.redis_server import RedisServer
from tests.support.servers import ServerProcess

NOBODY = NeighbourListener(
    lambda _: None,
    lambda _: None,
    lambda _: DirectOutcome.NOBODY,
    lambda: None,
    lambda *_: None,
    lambda: ProcessFacts("", [], "", 0, 0.0, 0, 0, 0),
    lambda _: None,
    lambda _: "",
)
"""Nobody is here who would have to hear of anything."""


def serve(redis: RedisServer, data: Path, *more: str) -> ServerProcess:
    """Start a server on a Redis, and wait until it listens."""
    return ServerProcess.serve(data, "--log", redis.url, *more)


def refusal(
    data: Path, url: str, environment: Mapping[str, str] | None = None, code: int = 2
) -> str:
    """What a server says that cannot start on a Redis, and ends with an exit code."""
    where = ("--host", "127.0.0.1", "--port", "0", "--data", data)
    with ServerProcess(*where, "--log", url, environment=environment) as server:
        assert server.wait() == code
        assert "Traceback" not in server.stderr
        return server.stderr
