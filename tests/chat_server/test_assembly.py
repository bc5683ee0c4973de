"""A server that cannot start leaves nothing behind, whichever part could not be made."""

import resource
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from chat_server.runtime.config.setting_types import Endpoint
from chat_server.runtime.config.settings import Settings
from chat_server.runtime.errors import StartError
from chat_server.server import Server
from tests.support.leaks import nothing_left_behind, open_descriptors

ENOUGH = 100
"""Descriptors that a server without clients surely needs not."""


def server(data: Path, **settings: Any) -> Server:
    hasher = PasswordHasher.from_parameters(CHEAPEST)
    chosen = Settings(hosts=("127.0.0.1",), port=0, data=data, **settings)
    return Server(chosen, hasher=hasher)


def allow_only(free: int) -> None:
    """Let this process open so many more descriptors."""
    used = {int(number) for number in open_descriptors()}
    numbers = [number for number in range(max(used) + free + 2) if number not in used]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (numbers[free], hard))


@pytest.mark.long
def test_whichever_part_fails_nothing_is_left(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With one descriptor more each time, it is a later part that finds none."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    request.addfinalizer(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, before))
    chosen: dict[str, Any] = {
        "metrics": Endpoint("127.0.0.1", 0),
        "unix": tmp_path / "socket",
        "tls": True,
    }
    first = server(tmp_path / "data", **chosen)
    first.start()  # also imports what it imports
    first.stop()
    reasons = []
    for free in range(ENOUGH):
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        with nothing_left_behind():
            tried = server(tmp_path / "data", **chosen)
            allow_only(free)
            try:
                tried.start()
            except StartError as error:
                reasons.append(str(error))
                continue
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            tried.stop()
            break
    assert len(set(reasons)) > 3, reasons
    assert "the server cannot start: Too many open files. Let it have more" in reasons[-1]
    assert free < ENOUGH - 1
