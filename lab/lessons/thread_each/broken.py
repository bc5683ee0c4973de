"""A chat server with one thread, which asks `select` which sockets are ready."""

import select
import socket
import sys

names = {}
inboxes = {}  # what each client sent of a line
outboxes = {}  # what each client has not got yet


def accept():
    sock, _ = listener.accept()
    sock.setblocking(False)
    inboxes[sock], outboxes[sock] = b"", b""


def read(sock):
    try:
        data = sock.recv(65536)
    except OSError:
        data = b""
    if not data:
        leave(sock)
        return
    *lines, inboxes[sock] = (inboxes[sock] + data).split(b"\n")
    for line in lines:
        handle(sock, line)


def handle(sock, line):
    if sock not in names:
        names[sock] = line
        outboxes[sock] += b"welcome %s\n" % line
        return
    for other in names:
        outboxes[other] += b"%s: %s\n" % (names[sock], line)


def write(sock):
    try:
        outboxes[sock] = outboxes[sock][sock.send(outboxes[sock]) :]
    except OSError:
        leave(sock)


def leave(sock):
    names.pop(sock, None)
    del inboxes[sock], outboxes[sock]
    sock.close()


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1000)
while True:
    waiting = [sock for sock in outboxes if outboxes[sock]]
    readable, writable, _ = select.select([listener, *inboxes], waiting, [])
    for sock in readable:
        if sock is listener:
            accept()
        else:
            read(sock)
    for sock in writable:
        if sock in outboxes:
            write(sock)
