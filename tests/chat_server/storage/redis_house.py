"""A server process whose logs are in Redis."""

from pathlib import Path

from tests.support.redis_server import RedisServer
from tests.support.servers import ServerProcess


def serve(redis: RedisServer, data: Path, *more: str) -> ServerProcess:
    """Start a server on a Redis, and wait until it listens."""
    return ServerProcess.serve(data, "--log", redis.url, *more)
