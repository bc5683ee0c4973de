"""A chat server that numbers what is said, and prints it as well."""

import socket
import sys
import threading

clients = {}
number = 0
lock = threading.Lock()  # guards clients


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def broadcast(line):
    global number
    next_number = number + 1
    print(next_number, line.decode(errors="replace"), flush=True)
    number = next_number
    message = b"%d %s\n" % (next_number, line)
    with lock:
        everybody = list(clients)
    for sock in everybody:  # a copy: it cannot change while this goes through it
        try:
            sock.sendall(message)
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
            broadcast(b"%s: %s" % (name, line))
    except OSError:
        pass  # the connection broke
    finally:  # however it ended
        with lock:
            clients.pop(sock, None)
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
