"""A client to try your server with: what you type is sent as a frame, what comes is printed.

python3 talk.py PORT
"""

import socket
import struct
import sys
import threading


def receive(connection, size):
    """Receive exactly `size` bytes, or b"" at the end of the connection."""
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            return b""
        data += part
    return data


def listen(connection):
    """Print each frame that comes: four bytes of length, then that many bytes of text."""
    while header := receive(connection, 4):
        (length,) = struct.unpack(">I", header)
        print("<", repr(receive(connection, length).decode("utf-8", "replace")), flush=True)
    print("the server has closed the connection")


def main():
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        threading.Thread(target=listen, args=(connection,), daemon=True).start()
        for line in sys.stdin:
            text = line.rstrip("\n").encode()
            connection.sendall(struct.pack(">I", len(text)) + text)


main()
