"""The answer to step 6: what one client sends, everybody gets."""

import socket
import sys
import threading

from frames import receive_frame, send_frame

lock = threading.Lock()  # guards clients, and keeps two threads from sending on one socket
clients = []


def tell_all(content):
    """Send a frame to everybody who is still there."""
    with lock:
        for client in list(clients):
            try:
                send_frame(client, content)
            except OSError:
                clients.remove(client)


def serve(connection):
    """Pass on each frame of one client."""
    with lock:
        clients.append(connection)
    while True:
        tell_all(receive_frame(connection))


def run(connection):
    """The thread of one client."""
    with connection:
        try:
            serve(connection)
        except (OSError, EOFError):
            pass  # this client is gone; the others are not
        with lock:
            if connection in clients:
                clients.remove(connection)


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=run, args=(connection,)).start()


if __name__ == "__main__":
    main()
