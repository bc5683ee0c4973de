"""The start of a UDP server: it receives datagrams. What it answers is yours to write.

python3 server.py PORT
"""

import socket
import sys


def answer(data):
    """Return the answer to a datagram. TODO: README.md says which."""
    return b"?" + data


def main():
    port = int(sys.argv[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        print("waiting for datagrams on port", port)
        while True:
            data, address = sock.recvfrom(1024)
            sock.sendto(answer(data), address)


main()
