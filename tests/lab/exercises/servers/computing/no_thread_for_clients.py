"""Wrong: other processes compute, but the only thread waits for them."""

import selectors
import socket
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import computing


def main():
    computing.processes = ProcessPoolExecutor(4, get_context("spawn"))
    with selectors.DefaultSelector() as ready:
        listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is listener:
                    ready.register(listener.accept()[0], selectors.EVENT_READ)
                    continue
                lines = key.fileobj.recv(4096).splitlines()  # enough for clients that ask once
                if not lines:
                    ready.unregister(key.fileobj)
                for line in lines:
                    key.fileobj.sendall(computing.answer(line) + b"\n")


if __name__ == "__main__":
    main()
