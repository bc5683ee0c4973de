"""Wrong: who has left stays on the list, and sending to them ends the sender's thread."""

import broadcast


def tell_all(content):
    with broadcast.lock:
        for client in broadcast.clients:
            broadcast.send_frame(client, content)


def run(connection):
    with connection:
        broadcast.serve(connection)


broadcast.tell_all = tell_all
broadcast.run = run
broadcast.main()
