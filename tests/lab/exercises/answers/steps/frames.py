"""The answer to steps 4 and 5: a server that answers each frame, of any length, with its number."""

import socket
import struct
import sys
import threading


def receive(connection, size):
    """Receive exactly `size` bytes; fail with EOFError if the connection ends before that."""
    data = bytearray()
    while len(data) < size:
        part = connection.recv(min(size - len(data), 65536))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def receive_frame(connection):
    """Receive four bytes of length, and then that many bytes."""
    (length,) = struct.unpack(">I", receive(connection, 4))
    return receive(connection, length)


def send_frame(connection, content):
    """Send a frame, in one piece."""
    connection.sendall(struct.pack(">I", len(content)) + content)


def serve(connection):
    """Answer each frame."""
    number = 0
    while True:
        content = receive_frame(connection)
        number += 1
        send_frame(connection, b"%d %s" % (number, content))


def run(connection):
    """The thread of one client."""
    with connection:
        try:
            serve(connection)
        except (OSError, EOFError):
            pass  # this client is gone; the others are not


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=run, args=(connection,)).start()


if __name__ == "__main__":
    main()
