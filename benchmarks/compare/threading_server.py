"""A chat server with `socketserver.ThreadingTCPServer` and one lock, to compare with.

The first line is `JOIN room nick`. Every other line goes to the members of the room: the thread of
the client that says it sends it to all of them while it holds the lock. The server stores nothing
and checks nothing.
"""

import argparse
import contextlib
import os
import signal
import socket
import socketserver
import threading
from collections import defaultdict
from types import FrameType

lock = threading.Lock()
rooms: defaultdict[str, set[socket.socket]] = defaultdict(set)


class Client(socketserver.StreamRequestHandler):
    """A client, which has its own thread."""

    def handle(self) -> None:
        """Serve the client until it disconnects."""
        words = self.rfile.readline().decode().split()
        if len(words) != 3:
            return
        _, room, nick = words
        members, prefix = rooms[room], f"{nick}: ".encode()
        with lock:
            members.add(self.request)
            self.request.sendall(f"JOINED {room}\n".encode())
        try:
            with contextlib.suppress(ConnectionError):
                for line in self.rfile:
                    say(members, prefix + line)
        finally:
            with lock:
                members.discard(self.request)


def say(members: set[socket.socket], line: bytes) -> None:
    """Send a line to all members."""
    with lock:
        for member in members:
            with contextlib.suppress(OSError):
                member.sendall(line)


class Server(socketserver.ThreadingTCPServer):
    """The listener."""

    daemon_threads = True
    request_queue_size = 1024


def main() -> None:
    """Listen, print the address, and serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data", help="ignored: nothing is kept")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _exit)
    server = Server((options.host, options.port), Client)
    host, port = server.socket.getsockname()
    print(f"listening on tcp://{host}:{port}", flush=True)
    server.serve_forever()


def _exit(_signal: int, _frame: FrameType | None) -> None:
    os._exit(0)  # do not wait for thousands of threads


if __name__ == "__main__":
    main()
