"""A chat server that stores what is said. The store is slow, and has a cursor in the log."""

import os
import socket
import sys
import tempfile
import threading
import time

log = tempfile.TemporaryFile(buffering=0)  # what goes to the clients; each has a cursor in it
size = 0
grown = threading.Condition()  # guards log and size


def store():
    cursor = 0
    while True:
        with grown:
            while cursor == size:
                grown.wait()
        cursor += len(os.pread(log.fileno(), 8000, cursor))
        time.sleep(0.005)  # the slow disk


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def broadcast(line):
    global size
    with grown:
        log.write(line)
        size += len(line)
        grown.notify_all()


def feed(sock, cursor):
    try:
        while True:
            with grown:
                while cursor == size and sock.fileno() >= 0:
                    grown.wait()
            cursor += sock.send(os.pread(log.fileno(), 65536, cursor))
    except OSError:
        pass  # the client has gone


def serve(sock):
    try:
        lines = read_lines(sock)
        name = next(lines, b"")
        with grown:
            cursor = size
        sock.sendall(b"welcome %s\n" % name)
        threading.Thread(target=feed, args=(sock, cursor), name="feed", daemon=True).start()
        for line in lines:
            broadcast(b"%s: %s\n" % (name, line))
    except OSError:
        pass  # the connection broke
    with grown:
        sock.close()
        grown.notify_all()


threading.Thread(target=store, name="store", daemon=True).start()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
