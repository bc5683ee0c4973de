"""An echo server with one thread that asks which sockets are ready: an event loop."""

import selectors
import socket
import sys

selector = selectors.DefaultSelector()
names = {}
buffers = {}


def accept(listener):
    sock, _ = listener.accept()
    buffers[sock] = b""
    selector.register(sock, selectors.EVENT_READ, serve)


def serve(sock):
    """Handle what has come, without waiting for more. The state of a client is in variables."""
    try:
        data = sock.recv(65536)
    except OSError:
        data = b""
    if not data:
        leave(sock)
        return
    *lines, buffers[sock] = (buffers[sock] + data).split(b"\n")
    try:
        for line in lines:
            answer(sock, line)
    except OSError:
        leave(sock)


def answer(sock, line):
    if sock not in names:
        names[sock] = line
        sock.sendall(b"welcome %s\n" % line)
    else:
        sock.sendall(b"%s: %s\n" % (names[sock], line))


def leave(sock):
    selector.unregister(sock)
    names.pop(sock, None)
    del buffers[sock]
    sock.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
selector.register(listener, selectors.EVENT_READ, accept)
while True:
    for key, _ in selector.select():
        key.data(key.fileobj)
