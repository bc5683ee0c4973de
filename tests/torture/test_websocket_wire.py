"""The torture's client over WebSocket."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from protocol.errors import ProtocolError
from protocol.framing import HEADER_SIZE
from protocol.messages import AnyServerMessage, Goodbye, Hello, Welcome, encode
from tests.support.peer import connect_socket
from tests.support.servers import address_of, running_server
from tests.support.waiting import DEADLINE, eventually
from tests.torture.client import Client
from tests.torture.gateway import Gateway
from tests.torture.journal import Journal
from tests.torture.person import Person
from tests.torture.tally import Tally
from tests.torture.websocket_wire import SUBPROTOCOL, WebSocketWire


@contextmanager
def websocket_server(
    handle: Callable[[ServerConnection], None], subprotocol: Subprotocol | None = SUBPROTOCOL
) -> Iterator[str]:
    """Run a WebSocket server that is not ours, and give its address."""
    chosen = None if subprotocol is None else [subprotocol]
    with serve(handle, "127.0.0.1", 0, subprotocols=chosen, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever, name="websocket server")
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(DEADLINE)


def hear(wire: WebSocketWire, heard: list[AnyServerMessage]) -> list[AnyServerMessage]:
    """Add what has come to `heard`, and return it."""
    wire.flush()
    messages = wire.receive()
    while (message := next(messages, None)) is not None:
        heard.append(message)  # what came before a fault is kept
    return heard


def test_a_client_talks_and_reads_to_the_end() -> None:
    """Every request is answered, whatever waited for the handshake, and the close is in order."""
    source, tally, journal = random.Random(1), Tally(), Journal()
    with (
        running_server() as server,
        Gateway("1", [address_of(server)], tally) as gateway,
    ):
        gateway.cease()
        person = Person("client-01", ["lobby"], source)
        wire = partial(WebSocketWire, server=address_of(server))
        with closing(Client(person, gateway, journal, tally, source, wire)) as client:
            client.start()
            eventually(lambda: journal.said_count > 3)
            client.settle()
            assert client.settled.wait(DEADLINE)
            client.finish({"lobby": 1})
            assert client.join(DEADLINE)
            assert client.finished
    assert [dialogue.broken for dialogue in journal.dialogues if dialogue.broken] == []
    assert client.deliveries > 0


@pytest.mark.parametrize(
    ("code", "goodbye", "wrong"),
    [
        (1000, "bye", False),
        (4000, "replaced", False),
        (1008, "kicked", False),
        (1000, "kicked", True),
        (4000, "bye", True),
        (1001, "bye", False),
    ],
)
def test_the_close_code_follows_from_the_goodbye(code: int, goodbye: str, wrong: bool) -> None:
    """A stop of the server needs no goodbye."""

    def handle(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(encode(Goodbye(goodbye, "The end."))[HEADER_SIZE:].decode())
        connection.close(code)

    with websocket_server(handle) as address, connect_socket(address) as connected:
        wire = WebSocketWire(connected, address)
        wire.put(Hello(version=1, nick="ana"))
        heard: list[AnyServerMessage] = []
        end = ProtocolError if wrong else ConnectionResetError
        with pytest.raises(end, match=f"close code {code} after" if wrong else "closed"):
            eventually(lambda: hear(wire, heard) and False)
        assert heard == [Goodbye(goodbye, "The end.")]


def test_a_message_in_fragments_is_one() -> None:
    """However the server cuts it."""
    welcome = encode(Welcome(1, "x", "secret", "ana", {}, ""))[HEADER_SIZE:].decode()

    def handle(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(iter([welcome[:5], welcome[5:50], welcome[50:]]))
        with suppress(ConnectionClosed):
            connection.recv()

    with websocket_server(handle) as address, connect_socket(address) as connected:
        wire = WebSocketWire(connected, address)
        wire.put(Hello(version=1, nick="ana"))
        heard: list[AnyServerMessage] = []
        assert len(eventually(lambda: hear(wire, heard))) == 1


def test_a_binary_message_and_another_subprotocol_are_wrong() -> None:
    """The protocol has neither."""

    def handle(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(b"{}")

    with websocket_server(handle) as address, connect_socket(address) as connected:
        wire = WebSocketWire(connected, address)
        wire.put(Hello(version=1, nick="ana"))
        with pytest.raises(ProtocolError, match="binary"):
            eventually(lambda: hear(wire, []))
    with (
        websocket_server(handle, subprotocol=None) as address,
        connect_socket(address) as connected,
    ):
        wire = WebSocketWire(connected, address)
        with pytest.raises(ProtocolError, match="subprotocol None"):
            eventually(lambda: hear(wire, []))
