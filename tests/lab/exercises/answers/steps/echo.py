"""The answer to step 1: an echo server for one client after the other."""

import socket
import sys


def serve(connection):
    """Send back what the client sends, until it has no more to say."""
    while data := connection.recv(4096):
        connection.sendall(data)


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                serve(connection)


if __name__ == "__main__":
    main()
