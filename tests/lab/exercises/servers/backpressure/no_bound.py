"""Wrong: a queue without a bound between the source and the sink."""

import queue
import socket
import sys
import threading


def pass_on(parts, sink):
    while data := parts.get():
        sink.sendall(data)
    sink.close()


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    source, _ = listener.accept()
    sink, _ = listener.accept()
    parts = queue.Queue()
    threading.Thread(target=pass_on, args=(parts, sink)).start()
    while data := source.recv(65536):
        parts.put(data)
    parts.put(b"")
    threading.Event().wait()
