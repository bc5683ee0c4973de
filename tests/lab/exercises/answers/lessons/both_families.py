"""The answer to the exercise on addresses: a socket for each family of addresses."""

import selectors
import socket
import sys


def main():
    port = int(sys.argv[1])
    selector = selectors.DefaultSelector()
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            listener = socket.create_server((host, port), family=family)
        except OSError as error:
            print("no server at", host, error)  # a machine without IPv6
        else:
            selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            connection, address = key.fileobj.accept()
            with connection:
                connection.sendall(f"{address[0]} {address[1]}\n".encode())


if __name__ == "__main__":
    main()
