"""Wrong: the answer to a ping is sent back as if it were a line."""

import dead_peers


def serve(connection):
    while data := dead_peers.receive_or_ask(connection):
        connection.sendall(data)


dead_peers.serve = serve
dead_peers.main()
