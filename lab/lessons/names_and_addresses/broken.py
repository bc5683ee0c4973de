"""A chat server for this machine, which it takes to be 127.0.0.1."""

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
        log.append(line)
        grown.notify_all()


def feed(sock, cursor):
    try:
        while True:
            with grown:
                while cursor == len(log) and sock.fileno() >= 0:
                    grown.wait()
                news = b"".join(log[cursor : cursor + 100])
                cursor = min(cursor + 100, len(log))
            sock.sendall(news)
    except OSError:
        pass  # the client has gone


def serve(sock):
    try:
        lines = read_lines(sock)
        name = next(lines, b"")
        with grown:
            cursor = len(log)
        sock.sendall(b"welcome %s\n" % name)
        threading.Thread(target=feed, args=(sock, cursor), name="feed", daemon=True).start()
        for line in lines:
            broadcast(b"%s: %s\n" % (name, line))
    except OSError:
        pass  # the connection broke
    with grown:
        sock.close()
        grown.notify_all()


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
