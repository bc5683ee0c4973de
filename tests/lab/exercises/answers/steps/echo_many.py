"""The answer to step 2: an echo server with a thread for each client."""

import socket
import sys
import threading


def serve(connection):
    """Send back what the client sends, until it has no more to say."""
    while data := connection.recv(4096):
        connection.sendall(data)


def run(connection):
    """The thread of one client."""
    with connection:
        try:
            serve(connection)
        except OSError:
            pass  # this client is gone; the others are not


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=run, args=(connection,)).start()


if __name__ == "__main__":
    main()
