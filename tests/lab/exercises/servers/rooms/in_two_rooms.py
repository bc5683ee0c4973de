"""Wrong: who moves is in both rooms."""

import rooms


def join(name, room_name):
    with rooms.lock:
        for member in rooms.room_of(name).members:
            if member != name:
                rooms.names[member].put(b"- " + name)
        rooms.go_in(name, room_name)


rooms.join = join
rooms.main()
