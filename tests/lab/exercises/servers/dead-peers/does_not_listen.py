"""Wrong: who was silent is closed, though they answered."""

import dead_peers


def receive_or_ask(connection):
    connection.settimeout(dead_peers.ASK_AFTER)
    try:
        return connection.recv(4096)
    except TimeoutError:
        connection.sendall(b"ping\n")
    connection.recv(4096)
    return b""


dead_peers.receive_or_ask = receive_or_ask
dead_peers.main()
