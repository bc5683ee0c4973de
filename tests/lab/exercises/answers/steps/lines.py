"""The answer to step 3: a server that answers each line with its number."""

import socket
import sys
import threading


def serve(connection):
    """Answer each line, until the client has no more to say."""
    number = 0
    rest = b""
    while data := connection.recv(4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            number += 1
            connection.sendall(b"%d %s\n" % (number, line))


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
