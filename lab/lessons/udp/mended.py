"""A chat server over UDP that confirms what it got, and puts it into order.

A client numbers its lines from 1 and sends each one again until `ack NUMBER` comes.
"""

import socket
import sys

names = {}
expected = {}  # the number of each client's next line
early = {}  # each client's lines that came before their turn


def take(address, number, line):
    """Note a line, and return those whose turn has come."""
    server.sendto(b"ack %d\n" % number, address)
    if number < expected[address]:
        return []  # it came before: our ack was lost, or late
    early[address][number] = line
    due = []
    while expected[address] in early[address]:
        due.append(early[address].pop(expected[address]))
        expected[address] += 1
    return due


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    datagram, address = server.recvfrom(65536)
    line = datagram.strip()
    if address not in names:
        names[address] = line
        expected[address], early[address] = 1, {}
    if line == names[address]:
        server.sendto(b"welcome %s\nack 0\n" % line, address)
        continue
    number, _, text = line.partition(b" ")
    for each in take(address, int(number), text):
        for other in names:
            server.sendto(b"%s: %s\n" % (names[address], each), other)
