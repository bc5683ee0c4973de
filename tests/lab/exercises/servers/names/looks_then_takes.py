"""Wrong: between looking whether a name is free and taking it, another thread may look."""

import time

import names


def take_name(connection, name):
    if not names.re.fullmatch(rb"[a-zA-Z0-9]{1,20}", name):
        return b"error bad name"
    if name in names.members:
        return b"error taken"
    time.sleep(0.5)  # not needed for the mistake, but for its being seen each time
    names.members[name] = connection
    names.send_frame(connection, b"ok")
    return b"ok"


names.take_name = take_name
names.main()
