"""Wrong: it asks again and again, and closes nobody."""

import dead_peers


def receive_or_ask(connection):
    connection.settimeout(dead_peers.ASK_AFTER)
    while True:
        try:
            return connection.recv(4096)
        except TimeoutError:
            connection.sendall(b"ping\n")


dead_peers.receive_or_ask = receive_or_ask
dead_peers.main()
