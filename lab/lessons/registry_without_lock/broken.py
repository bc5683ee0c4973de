"""A chat server: whatever somebody says goes to everybody."""

import socket
import sys
import threading

clients = {}


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def broadcast(line):
    for sock in clients:
        sock.sendall(line)


def serve(sock):
    lines = read_lines(sock)
    name = next(lines, b"")
    clients[sock] = name
    sock.sendall(b"welcome %s\n" % name)
    for line in lines:
        broadcast(b"%s: %s\n" % (name, line))
    del clients[sock]
    sock.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
# A small buffer, so that the demonstration needs KB and not MB.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
