"""Wrong: nobody looks whether a name is taken."""

import names


def enter(connection):
    while True:
        name = names.receive_frame(connection)
        if names.re.fullmatch(rb"[a-zA-Z0-9]{1,20}", name):
            break
        names.send_frame(connection, b"error bad name")
    with names.lock:
        names.members[name] = connection
    names.send_frame(connection, b"ok")
    return name


names.enter = enter
names.main()
