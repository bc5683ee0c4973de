"""Wrong: it ends when its first client has left."""

import socket
import sys

import echo

with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    connection, _ = listener.accept()
    with connection:
        echo.serve(connection)
