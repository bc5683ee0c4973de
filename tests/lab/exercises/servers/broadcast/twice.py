"""Wrong: a client is put on the list again with each frame."""

import broadcast


def serve(connection):
    while True:
        content = broadcast.receive_frame(connection)
        with broadcast.lock:
            broadcast.clients.append(connection)
        broadcast.tell_all(content)


broadcast.serve = serve
broadcast.main()
