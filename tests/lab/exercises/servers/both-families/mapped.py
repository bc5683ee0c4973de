"""Wrong: a client of IPv4 is told an address of IPv6."""

import socket
import sys

with socket.create_server(
    ("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True
) as listener:
    while True:
        connection, address = listener.accept()
        with connection:
            connection.sendall(f"{address[0]} {address[1]}\n".encode())
