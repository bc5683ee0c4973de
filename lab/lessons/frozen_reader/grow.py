"""A chat server that keeps for each client what it has not got yet, however much that is."""

import queue
import socket
import sys
import threading

outboxes = {}
lock = threading.Lock()  # guards outboxes and number
number = 0
kept = 0  # how many lines wait in all outboxes together


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def broadcast(line):
    global number, kept
    with lock:
        number = number + 1
        for outbox in outboxes.values():
            outbox.put(b"%d %s\n" % (number, line))  # a copy for each client
        kept = sum(outbox.qsize() for outbox in outboxes.values())


def feed(sock, outbox):
    try:
        while (message := outbox.get()) is not None:
            sock.sendall(message)
    except OSError:
        pass  # the client has gone


def serve(sock):
    lines = read_lines(sock)
    name = next(lines, b"")
    outbox = queue.Queue()
    outbox.put(b"welcome %s\n" % name)
    threading.Thread(target=feed, args=(sock, outbox), name="feed", daemon=True).start()
    with lock:
        outboxes[sock] = outbox
    try:
        for line in lines:
            broadcast(b"%s: %s" % (name, line))
    except OSError:
        pass  # the connection broke
    with lock:
        del outboxes[sock]
    outbox.put(None)
    sock.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
# Small buffers, so that a reader that stops is noticed after 100 KB and not after megabytes.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
