"""Wrong: each client is told the server's port."""

import socket
import sys

with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        connection, address = listener.accept()
        with connection:
            connection.sendall(f"{address[0]} {sys.argv[1]}\n".encode())
