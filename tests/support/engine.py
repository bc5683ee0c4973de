"""Where the servers that tests start keep their logs: in SQLite, or in Redis with `--log redis`.

In a run on Redis each process that runs tests has a redis-server of its own, and each data folder
a database in it: a server that is started again with the same folder finds the same logs.
"""

import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from chat_server.runtime.config.log_address import LogAddress
from tests.support.redis_server import RedisServer

DATABASES = 10_000
"""Data folders that the tests of one process may have."""

ENGINES = ("sqlite", "redis")
"""What `--log` may say."""

_OWN = {"--log", "--check", "--print-config", "--live"}
"""Options of a command line that says by itself where the logs are, or that starts no server."""


class Databases:
    """A database of one redis-server for each data folder. Any thread may call any method."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        # Guards the next two.
        self._lock = threading.Lock()
        self._server: RedisServer | None = None
        self._numbers: dict[Path, int] = {}

    def address(self, folder: Path) -> LogAddress:
        """Return where a server with this data folder keeps its logs. The first call starts Redis.

        Raises:
            AssertionError: there are too many folders.
        """
        with self._lock:
            number = self._numbers.setdefault(folder.resolve(), len(self._numbers))
            assert number < DATABASES, "the redis-server of the tests has no database left"
            if self._server is None:
                self._server = self._start()
            return self._server.address._replace(database=number)

    def _start(self) -> RedisServer:
        where = Path(self._opened.enter_context(tempfile.TemporaryDirectory()))
        # Nobody kills it, so nothing has to be on the disk; without the file servers would warn.
        settings = ("--databases", str(DATABASES), "--appendfsync", "no")
        return self._opened.enter_context(RedisServer(where / "files", *settings))

    def close(self) -> None:
        """End the redis-server."""
        self._opened.close()


_chosen: list[Databases] = []
"""Those of this run, where it is on Redis."""


def use_redis() -> Databases:
    """Let each server that a test starts from now on keep its logs in Redis."""
    _chosen[:] = [Databases()]
    return _chosen[0]


def log_of(folder: Path) -> LogAddress | None:
    """Return what the setting `log` of a server with this data folder is to be."""
    return _chosen[0].address(folder) if _chosen else None


def options_of(arguments: Sequence[str]) -> list[str]:
    """Return what the command line of a server needs besides, to keep its logs there."""
    if not _chosen or "--data" not in arguments or _OWN.intersection(arguments):
        return []
    folder = arguments[arguments.index("--data") + 1]
    return ["--log", str(log_of(Path(folder)))]
