"""Wrong: a room may be called anything."""

import rooms


def join(name, room_name):
    with rooms.lock:
        rooms.go_out(name)
        rooms.go_in(name, room_name)


rooms.join = join
rooms.main()
