"""Wrong: it listens at 127.0.0.1 alone."""

import socket
import sys

with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        connection, address = listener.accept()
        with connection:
            connection.sendall(f"{address[0]} {address[1]}\n".encode())
