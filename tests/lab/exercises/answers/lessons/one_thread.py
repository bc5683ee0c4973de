"""The answer to the exercise on one thread: an echo server that waits for all sockets at once."""

import selectors
import socket
import sys

selector = selectors.DefaultSelector()


class Client:
    """One client, and what is still to be sent to it."""

    def __init__(self, sock):
        self.sock = sock
        self.left = b""
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, self.ready)

    def ready(self):
        """Do what the socket is ready for."""
        try:
            if self.left:
                self.send()
            else:
                self.receive()
        except OSError:
            self.close()

    def receive(self):
        """Receive some bytes, and begin to send them back."""
        self.left = self.sock.recv(65536)
        if self.left:
            self.send()
        else:
            self.close()

    def send(self):
        """Send what the socket takes. Receive nothing while something is left."""
        try:
            sent = self.sock.send(self.left)
        except BlockingIOError:
            sent = 0
        self.left = self.left[sent:]
        wanted = selectors.EVENT_WRITE if self.left else selectors.EVENT_READ
        selector.modify(self.sock, wanted, self.ready)

    def close(self):
        """End the connection."""
        selector.unregister(self.sock)
        self.sock.close()


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512) as listener:
        selector.register(listener, selectors.EVENT_READ, lambda: Client(listener.accept()[0]))
        while True:
            for key, _ in selector.select():
                key.data()


if __name__ == "__main__":
    main()
