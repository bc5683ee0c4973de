"""A real redis-server for tests, on a free port and with a folder of its own."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError, ResponseError
from redis.retry import Retry

from chat_server.runtime.config.log_address import LogAddress
from tests.support.ports import free_port
from tests.support.waiting import eventually

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")

needs_redis = pytest.mark.skipif(PROGRAM is None, reason="needs redis-server")


class RedisServer:
    """One redis-server with an append-only file. A context manager that leaves nothing behind.

    Attributes:
        port: where it listens, on 127.0.0.1.
        folder: where it keeps its files.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        """Start it, and wait until it answers.

        Args:
            folder: an empty one.
            settings: options of redis-server, besides those that every test needs.
        """
        if PROGRAM is None:
            pytest.skip("needs redis-server")
        self.folder = folder
        self.port = free_port()
        self._settings = settings
        self._child = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        self.folder.mkdir(exist_ok=True)
        child = subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(self._answers)
        except BaseException:
            child.kill()
            child.wait()
            raise
        return child

    def _command(self) -> list[str]:
        assert PROGRAM is not None
        own = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder))
        kept = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
        return [PROGRAM, *own, *kept, *self._settings]

    def _answers(self) -> bool:
        with Redis(port=self.port, retry=Retry(NoBackoff(), 0), socket_timeout=1) as client:
            try:
                client.ping()
            except (AuthenticationError, ResponseError):
                return True
            except ConnectionError:
                return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._child.send_signal(signal.SIGCONT)
        self.kill()

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None

    @property
    def address(self) -> LogAddress:
        """Where it is, as the server's setting says it."""
        return LogAddress("127.0.0.1", self.port, 0)

    @property
    def url(self) -> str:
        """The same, as `--log` takes it."""
        return str(self.address)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Give a client of redis-py, to look at what is kept, or to do something to it."""
        with Redis(port=self.port, decode_responses=True) as client:
            yield client

    def do(self, *command: str) -> Any:
        """Send one command."""
        with self.client() as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._child.kill()
        self._child.wait()

    def pause(self) -> None:
        """SIGSTOP: it takes connections, and answers nobody."""
        self._child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._child.send_signal(signal.SIGCONT)

    def start_again(self) -> None:
        """Start it on the same port and files. It must have ended."""
        self._child = self._start()

    def copy(self) -> Path:
        """Copy its files. It must have ended.

        Returns: the copy.
        """
        kept = self.folder.with_name(f"{self.folder.name}-copy")
        shutil.copytree(self.folder, kept)
        return kept

    def put_back(self, kept: Path) -> None:
        """Put a copy in the place of its files. It must have ended."""
        shutil.rmtree(self.folder)
        shutil.copytree(kept, self.folder)
