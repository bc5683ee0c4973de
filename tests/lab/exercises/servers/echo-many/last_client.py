"""Wrong: all threads share the variable `connection`, which is the client that came last."""

import socket
import sys
import threading

connection = None


def serve(mine):
    while data := mine.recv(4096):
        connection.sendall(data)


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,)).start()
