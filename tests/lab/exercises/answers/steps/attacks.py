"""The answer to step 12: the rooms of step 11, for members who are not all kind.

What is new: a frame has a longest length, a text is UTF-8, and who sends too much is closed.
"""

import struct
import time

import rooms
from frames import receive

LONGEST = 65536  # bytes of a frame
MOST = 200  # frames of one client in a second


def receive_frame(connection):
    """Receive a frame. Fail with ValueError if it breaks the rules."""
    (length,) = struct.unpack(">I", receive(connection, 4))
    if length > LONGEST:
        raise ValueError("too long")
    content = receive(connection, length)
    content.decode()  # UnicodeDecodeError is a ValueError
    return content


def serve(member, name):
    """Do what a member sends, unless it sends too much."""
    second, count = 0, 0
    while True:
        text = receive_frame(member.connection)
        if second != (second := int(time.monotonic())):
            count = 0
        count += 1
        if count > MOST:
            return
        rooms.handle(name, text)


rooms.receive_frame = receive_frame
rooms.serve = serve

if __name__ == "__main__":
    rooms.main()
