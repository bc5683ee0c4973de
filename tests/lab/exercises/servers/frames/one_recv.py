"""Wrong: `recv(n)` is taken to return n bytes."""

import frames


def receive(connection, size):
    return connection.recv(size)


frames.receive = receive
frames.main()
