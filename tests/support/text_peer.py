"""A client that sends and reads lines of text, and bytes: for what is no frame."""

import socket
from types import TracebackType
from typing import Self

from tests.support.peer import connect_socket
from tests.support.waiting import DEADLINE, Deadline


class TextPeer:
    """One connection. A context manager."""

    def __init__(self, address: object) -> None:
        """
        Args:
            address: of the server, as it prints it.
        """
        self.socket: socket.socket = connect_socket(address)
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, *lines: str, end: str = "\n") -> None:
        """Send lines."""
        self.socket.sendall("".join(f"{line}{end}" for line in lines).encode())

    def send_raw(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def line(self, within: float = DEADLINE) -> str:
        """Read a line, without the line feed; a carriage return stays."""
        return self.until(b"\n", within)[:-1].decode()

    def lines(self, count: int) -> list[str]:
        """Read so many lines."""
        return [self.line() for _ in range(count)]

    def see(self, text: str, within: float = DEADLINE) -> str:
        """Read lines until one holds `text`, and return that one."""
        deadline = Deadline(within)
        while text not in (line := self.line(deadline.left)):
            pass
        return line

    def until(self, end: bytes, within: float = DEADLINE) -> bytes:
        """Read up to and with `end`."""
        deadline = Deadline(within)
        while end not in self._received:
            self._fill(deadline)
        data, _, self._received = self._received.partition(end)
        return data + end

    def exactly(self, size: int, within: float = DEADLINE) -> bytes:
        """Read so many bytes."""
        deadline = Deadline(within)
        while len(self._received) < size:
            self._fill(deadline)
        data, self._received = self._received[:size], self._received[size:]
        return data

    def rest(self, within: float = DEADLINE) -> bytes:
        """Read until the server ends the stream."""
        deadline = Deadline(within)
        while True:
            try:
                self._fill(deadline)
            except EOFError:
                return self._received

    def _fill(self, deadline: Deadline) -> None:
        self.socket.settimeout(deadline.left or 0.000_001)
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError(f"the server ended the stream after {self._received!r}")
        self._received += data
