"""A server, and two people who talk through the Python API."""

from collections.abc import Iterator

import pytest

import chat_client
from chat_client import Chat
from chat_server.server import Server
from tests.support.leaks import nothing_left_behind
from tests.support.servers import address_of, running_server


@pytest.fixture
def server() -> Iterator[Server]:
    with nothing_left_behind(), running_server() as running:
        yield running


@pytest.fixture
def address(server: Server) -> str:
    return address_of(server)


@pytest.fixture
def ana(address: str) -> Iterator[Chat]:
    with chat_client.connect(address, nick="ana", bot=False) as chat:
        yield chat


@pytest.fixture
def bob(address: str) -> Iterator[Chat]:
    with chat_client.connect(address, nick="bob", bot=False) as chat:
        yield chat
