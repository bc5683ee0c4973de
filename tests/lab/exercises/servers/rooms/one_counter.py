"""Wrong: one counter for all rooms."""

import rooms

last_number = 0


def say(name, text):
    global last_number
    with rooms.lock:
        last_number += 1
        rooms.room_of(name).put_all(b"%d %s: %s" % (last_number, name, text))


rooms.say = say
rooms.main()
