"""Wrong: it closes everything when the sink is slow."""

import socket
import sys

with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    source, _ = listener.accept()
    sink, _ = listener.accept()
    sink.settimeout(0.2)
    with source, sink:
        while data := source.recv(65536):
            sink.sendall(data)
