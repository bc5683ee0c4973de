"""An echo server whose messages begin with their length, so that they may contain any byte."""

import socket
import struct
import sys
import threading

LENGTH = struct.Struct("!I")  # four bytes, the most significant first: network byte order
LIMIT = 1_000_000


def read_exactly(sock, count):
    """Return so many bytes; fewer only if the client has gone."""
    data = b""
    while len(data) < count and (more := sock.recv(count - len(data))):
        data += more
    return data


def read_message(sock):
    """Return the next message, or None if there is none any more."""
    header = read_exactly(sock, LENGTH.size)
    if len(header) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(header)
    if length > LIMIT:  # or one wrong header makes the server wait for 4 GB
        return None
    message = read_exactly(sock, length)
    return message if len(message) == length else None


def send_message(sock, message):
    sock.sendall(LENGTH.pack(len(message)) + message)


def serve(sock):
    try:
        while (message := read_message(sock)) is not None:
            send_message(sock, message)
    except OSError:
        pass  # the connection broke
    sock.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
