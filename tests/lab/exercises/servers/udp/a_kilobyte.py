"""Wrong: it receives the first 1,024 bytes of a datagram."""

import socket
import sys

import udp

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind(("127.0.0.1", int(sys.argv[1])))
    while True:
        data, address = sock.recvfrom(1024)
        sock.sendto(udp.answer(data, address), address)
