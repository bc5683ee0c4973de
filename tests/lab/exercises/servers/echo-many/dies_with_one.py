"""Wrong: one loop for all clients, which ends when `recv` of one of them fails."""

import selectors
import socket
import sys

with (
    socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener,
    selectors.DefaultSelector() as selector,
):
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
            elif data := key.fileobj.recv(4096):
                key.fileobj.sendall(data)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()
