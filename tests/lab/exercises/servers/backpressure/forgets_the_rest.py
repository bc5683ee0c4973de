"""Wrong: it closes the sink when the source has ended, with parts still in the queue."""

import queue
import socket
import sys
import threading
import time


def pass_on():
    while True:
        time.sleep(0.01)  # the net takes its time
        sink.sendall(parts.get())


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    source, _ = listener.accept()
    sink, _ = listener.accept()
    parts = queue.Queue(10)
    threading.Thread(target=pass_on, daemon=True).start()
    while data := source.recv(65536):
        parts.put(data)
    sink.shutdown(socket.SHUT_WR)
    listener.accept()
