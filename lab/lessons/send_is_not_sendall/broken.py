"""An echo server that waits at most a minute for a client, and sends with `send`."""

import socket
import sys
import threading


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def serve(sock):
    lines = read_lines(sock)
    try:
        name = next(lines, b"")
        sock.sendall(b"welcome %s\n" % name)
        for line in lines:
            sock.send(b"%s: %s\n" % (name, line))
    except OSError:
        pass  # the connection broke
    sock.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
while True:
    sock, address = listener.accept()
    sock.settimeout(60)
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
