"""A chat server with a thread for each client."""

import socket
import sys
import threading

clients = {}
lock = threading.Lock()  # guards clients


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def broadcast(line):
    with lock:
        everybody = list(clients)
    for sock in everybody:  # a copy: it cannot change while this goes through it
        try:
            sock.sendall(line)
        except OSError:
            pass  # this one has gone; the others get the line


def serve(sock):
    try:
        lines = read_lines(sock)
        name = next(lines, b"")
        with lock:
            clients[sock] = name
        sock.sendall(b"welcome %s\n" % name)
        for line in lines:
            broadcast(b"%s: %s\n" % (name, line))
    except OSError:
        pass  # the connection broke
    finally:  # however it ended
        with lock:
            clients.pop(sock, None)
        sock.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(1000)
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
