"""A network that loses datagrams and swaps others, always the same ones."""

import selectors
import socket
import threading

from chat_server.network.wakeup import WakeUp
from lab.stage.server import HOST

LOSES = 5
"""Each datagram of that number is lost, of those that go to the server."""

SWAPS = 7
"""Each datagram of that number waits until the one behind it has gone."""

_SIZE = 65536


class LossyNetwork:
    """A way for one client to a server on UDP. A context manager.

    Attributes:
        port: where the client sends to.
        dropped: how many datagrams it lost.
        swapped: how many it swapped with the one behind.
    """

    def __init__(self, server_port: int) -> None:
        """
        Args:
            server_port: the server's port.
        """
        self.dropped = 0
        self.swapped = 0
        self._inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inside.bind((HOST, 0))
        self.port: int = self._inside.getsockname()[1]
        self._outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outside.connect((HOST, server_port))
        self._client: tuple[str, int] | None = None
        self._count = 0
        self._held: bytes | None = None
        self._wake = WakeUp()
        self._thread = threading.Thread(target=self._run, name="lab-network")

    def __enter__(self) -> "LossyNetwork":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._wake.wake()
        self._thread.join()
        self._wake.close()
        self._inside.close()
        self._outside.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for source in (self._inside, self._outside, self._wake):
                selector.register(source, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._wake:
                        return
                    try:
                        self._move(key.fileobj)
                    except OSError:
                        continue  # nobody listens there any more

    def _move(self, source: object) -> None:
        if source is self._inside:
            datagram, self._client = self._inside.recvfrom(_SIZE)
            self._to_server(datagram)
        elif self._client is not None:
            self._inside.sendto(self._outside.recv(_SIZE), self._client)

    def _to_server(self, datagram: bytes) -> None:
        self._count += 1
        if self._count % LOSES == 0:
            self.dropped += 1
        elif self._count % SWAPS == 0 and self._held is None:
            self._held = datagram
        else:
            self._outside.send(datagram)
            if self._held is not None:
                self._outside.send(self._held)
                self._held = None
                self.swapped += 1
