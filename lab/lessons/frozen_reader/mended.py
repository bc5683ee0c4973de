"""A chat server. What is said is appended to one log, and each client has a cursor in it."""

import socket
import sys
import threading

log = []
grown = threading.Condition()  # guards log


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def broadcast(line):
    with grown:
        log.append(b"%d %s\n" % (len(log) + 1, line))
        grown.notify_all()


def feed(sock, cursor):
    """Send one client what it has not got yet. It waits for nobody but this client."""
    try:
        while True:
            with grown:
                while cursor == len(log) and sock.fileno() >= 0:
                    grown.wait()
                news = b"".join(log[cursor : cursor + 100])
                cursor = min(cursor + 100, len(log))
            sock.sendall(news)  # no lock is held here
    except OSError:
        pass  # the client has gone


def serve(sock):
    lines = read_lines(sock)
    name = next(lines, b"")
    with grown:
        cursor = len(log)
    sock.sendall(b"welcome %s\n" % name)
    threading.Thread(target=feed, args=(sock, cursor), name=f"feeds {name.decode()}").start()
    try:
        for line in lines:
            broadcast(b"%s: %s" % (name, line))
    except OSError:
        pass  # the connection broke
    with grown:
        sock.close()
        grown.notify_all()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
# Small buffers, so that a reader that stops is noticed after 100 KB and not after megabytes.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
