"""Wrong: a list that is changed while a loop goes through it skips whoever comes next."""

import broadcast

count = 0


def tell_all(content):
    global count
    with broadcast.lock:
        count += 1
        for client in broadcast.clients:
            if count == 8 and client is broadcast.clients[1]:
                broadcast.clients.remove(client)
                broadcast.clients.append(client)
            broadcast.send_frame(client, content)


broadcast.tell_all = tell_all
broadcast.main()
