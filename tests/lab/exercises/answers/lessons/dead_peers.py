"""The answer to the exercise on dead peers: ask who says nothing, close who does not answer."""

import socket
import sys
import threading

ASK_AFTER = 0.5  # seconds without a byte
CLOSE_AFTER = 2  # seconds after the question


def receive_or_ask(connection):
    """Receive some bytes. Ask once if none come; fail with TimeoutError if there is no answer."""
    connection.settimeout(ASK_AFTER)
    try:
        return connection.recv(4096)
    except TimeoutError:
        connection.sendall(b"ping\n")
    connection.settimeout(CLOSE_AFTER)
    return connection.recv(4096)


def serve(connection):
    """Send back each line but "pong"."""
    rest = b""
    while data := receive_or_ask(connection):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if line != b"pong":
                connection.sendall(line + b"\n")


def run(connection):
    """The thread of one client."""
    with connection:
        try:
            serve(connection)
        except OSError:
            pass  # gone, or dead: TimeoutError is an OSError


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=run, args=(connection,)).start()


if __name__ == "__main__":
    main()
