"""The start of a server: it listens and accepts. What it does with its clients is yours to write.

python3 server.py PORT
"""

import socket
import sys


def serve(connection):
    """Talk with one client. TODO: README.md says what."""


def main():
    port = int(sys.argv[1])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        print("listening on port", port)
        while True:
            connection, address = listener.accept()
            print("a client from", address)
            with connection:
                serve(connection)


main()
