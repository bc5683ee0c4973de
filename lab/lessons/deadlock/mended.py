"""A chat server with two rooms, and a lock for each. /move ROOM takes the client to another one."""

import queue
import socket
import sys
import threading


class Room:
    def __init__(self, name):
        self.name = name
        self.lock = threading.Lock()  # guards outboxes
        self.outboxes = set()

    def say(self, line):
        with self.lock:
            for outbox in self.outboxes:
                outbox.put(line)


rooms = {b"red": Room("red"), b"blue": Room("blue")}


def move(outbox, old, new):
    if old is new:
        return
    first, second = sorted((old, new), key=lambda room: room.name)  # everybody in one order
    with first.lock:
        print("somebody goes from", old.name, "to", new.name, flush=True)
        with second.lock:
            old.outboxes.remove(outbox)
            new.outboxes.add(outbox)


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def feed(sock, outbox):
    try:
        while (line := outbox.get()) is not None:
            sock.sendall(line)
    except OSError:
        pass  # the client has gone


def serve(sock):
    outbox, room = queue.Queue(), rooms[b"red"]
    threading.Thread(target=feed, args=(sock, outbox), name="feed", daemon=True).start()
    with room.lock:
        room.outboxes.add(outbox)
    try:
        lines = read_lines(sock)
        name = next(lines, b"")
        outbox.put(b"welcome %s\n" % name)
        for line in lines:
            if line.startswith(b"/move "):
                new = rooms.get(line[6:], room)
                move(outbox, room, new)
                room = new
                outbox.put(b"moved to %s\n" % room.name.encode())
            else:
                room.say(b"%s: %s\n" % (name, line))
    except OSError:
        pass  # the connection broke
    with room.lock:
        room.outboxes.discard(outbox)
    outbox.put(None)
    sock.close()


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    sock, address = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
