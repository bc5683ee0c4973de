"""A chat server that asks silent clients whether they are still there."""

import socket
import sys
import threading
import time

grown = threading.Condition()  # guards what follows
log, names, heard = [], {}, {}  # heard: when each client was heard last


def look_after():
    """Ask everybody once a second, and let go of who has not answered for four."""
    while True:
        time.sleep(1)
        broadcast(b"ping\n")
        with grown:
            silent = [sock for sock in heard if time.monotonic() - heard[sock] > 4]
        for sock in silent:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in recv
            except OSError:
                pass  # it has just gone by itself


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        with grown:
            heard[sock] = time.monotonic()
        *lines, buffer = (buffer + data).split(b"\n")
        yield from (line for line in lines if line != b"pong")


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
                news, cursor = log[cursor:], len(log)
            sock.sendall(b"".join(news))
    except OSError:
        pass  # the client has gone


def serve(sock):
    name, lines = None, read_lines(sock)
    try:
        name = next(lines, b"")
        with grown:
            if names.setdefault(name, sock) is not sock:
                raise OSError("the name is taken")
            cursor = len(log)
        sock.sendall(b"welcome %s\n" % name)
        threading.Thread(target=feed, args=(sock, cursor), name="feed", daemon=True).start()
        for line in lines:
            broadcast(b"%s: %s\n" % (name, line))
    except OSError:
        pass  # the connection broke
    with grown:
        if names.get(name) is sock:
            del names[name]
        heard.pop(sock, None)
        sock.close()
        grown.notify_all()


threading.Thread(target=look_after, name="look after", daemon=True).start()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
