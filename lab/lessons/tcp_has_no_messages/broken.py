"""An echo server that takes what one `recv` returns for one message."""

import socket
import sys
import threading


def serve(sock):
    try:
        name = sock.recv(1024).strip()
        sock.sendall(b"welcome %s\n" % name)
        while data := sock.recv(1024):
            sock.sendall(b"%s: %s\n" % (name, data.strip()))
    except OSError:
        pass  # the connection broke
    sock.close()


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
while True:
    sock, address = listener.accept()
    threading.Thread(target=serve, args=(sock,), name=f"client {address[1]}", daemon=True).start()
