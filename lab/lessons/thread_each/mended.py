"""A chat server with one thread, which asks a selector which sockets are ready."""

import selectors
import socket
import sys

selector = selectors.DefaultSelector()  # epoll on Linux, kqueue on a Mac
names = {}
inboxes = {}  # what each client sent of a line
outboxes = {}  # what each client has not got yet


def accept():
    sock, _ = listener.accept()
    sock.setblocking(False)
    inboxes[sock], outboxes[sock] = b"", b""
    selector.register(sock, selectors.EVENT_READ)


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
        send(sock, b"welcome %s\n" % line)
        return
    for other in names:
        send(other, b"%s: %s\n" % (names[sock], line))


def send(sock, data):
    if not outboxes[sock]:  # from now on it is to say when it takes bytes
        selector.modify(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
    outboxes[sock] += data


def write(sock):
    try:
        outboxes[sock] = outboxes[sock][sock.send(outboxes[sock]) :]
    except OSError:
        leave(sock)
        return
    if not outboxes[sock]:
        selector.modify(sock, selectors.EVENT_READ)


def leave(sock):
    selector.unregister(sock)
    names.pop(sock, None)
    del inboxes[sock], outboxes[sock]
    sock.close()


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1000)
selector.register(listener, selectors.EVENT_READ)
while True:
    for key, events in selector.select():
        if key.fileobj is listener:
            accept()
            continue
        if events & selectors.EVENT_READ:
            read(key.fileobj)
        if events & selectors.EVENT_WRITE and key.fileobj in outboxes:
            write(key.fileobj)
