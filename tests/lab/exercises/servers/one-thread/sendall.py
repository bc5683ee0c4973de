"""Wrong: the loop waits in `sendall` for one client, and all others with it."""

import one_thread


def send(client):
    client.sock.setblocking(True)
    client.sock.sendall(client.left)
    client.sock.setblocking(False)
    client.left = b""


one_thread.Client.send = send
one_thread.main()
