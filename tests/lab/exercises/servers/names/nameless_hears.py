"""Wrong: a client is a member before it has a name."""

import names

run = names.run


def member_at_once(connection):
    with names.lock:
        names.members[connection] = connection
    run(connection)


def tell_all(text):
    with names.lock:
        for connection in {*names.members.values()}:
            names.send_frame(connection, text)


names.run = member_at_once
names.tell_all = tell_all
names.main()
