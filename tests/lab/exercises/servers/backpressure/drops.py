"""Wrong: what the sink does not take at once is thrown away."""

import socket
import sys

with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    source, _ = listener.accept()
    sink, _ = listener.accept()
    sink.setblocking(False)
    while data := source.recv(65536):
        try:
            sink.send(data)
        except BlockingIOError:
            pass
    sink.close()
    listener.accept()
