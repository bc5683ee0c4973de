"""A chat server that leaves lines out for a client whose buffer is full."""

import socket
import sys
import threading

clients = {}
lock = threading.Lock()  # guards clients and number
number = 0


def read_lines(sock):
    buffer = b""
    while data := sock.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        yield from lines


def broadcast(line):
    global number
    with lock:
        number = number + 1
        message = b"%d %s\n" % (number, line)
        for sock in list(clients.values()):
            try:
                count = sock.send(message, socket.MSG_DONTWAIT)
                if count < len(message):  # half a line is out; the rest of it has to follow
                    sock.shutdown(socket.SHUT_RDWR)
            except BlockingIOError:
                pass  # its buffer is full: it will never see this line
            except OSError:
                pass  # it has gone; its own thread takes it out


def serve(sock):
    lines = read_lines(sock)
    name = next(lines, b"")
    sock.sendall(b"welcome %s\n" % name)
    with lock:
        clients[sock.fileno()] = sock
    try:
        for line in lines:
            broadcast(b"%s: %s" % (name, line))
    except OSError:
        pass  # the connection broke
    with lock:
        del clients[sock.fileno()]
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
