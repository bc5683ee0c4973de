"""Wrong: everybody gets it but its sender."""

import threading

import broadcast

speaker = threading.local()


def tell_others(content):
    with broadcast.lock:
        for client in broadcast.clients:
            if client is not speaker.connection:
                broadcast.send_frame(client, content)


def serve(connection):
    speaker.connection = connection
    with broadcast.lock:
        broadcast.clients.append(connection)
    while True:
        tell_others(broadcast.receive_frame(connection))


broadcast.serve = serve
broadcast.main()
