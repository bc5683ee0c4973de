"""The answer to the exercise on UDP: each datagram is answered with its sender's number."""

import socket
import sys

numbers = {}  # address: number of its last datagram


def answer(data, address):
    """Return the answer to a datagram."""
    numbers[address] = numbers.get(address, 0) + 1
    return b"%d %s" % (numbers[address], data)


def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", int(sys.argv[1])))
        while True:
            data, address = sock.recvfrom(65536)
            sock.sendto(answer(data, address), address)


if __name__ == "__main__":
    main()
