"""A chat server over UDP: each datagram is a line, and goes to everybody."""

import socket
import sys

names = {}
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    datagram, address = server.recvfrom(65536)
    line = datagram.strip()
    if address not in names:
        names[address] = line
        server.sendto(b"welcome %s\n" % line, address)
        continue
    for other in names:
        server.sendto(b"%s: %s\n" % (names[address], line), other)
