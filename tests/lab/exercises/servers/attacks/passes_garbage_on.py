"""Wrong: what is not UTF-8 is passed on."""

import struct

import attacks
import rooms


def receive_frame(connection):
    (length,) = struct.unpack(">I", attacks.receive(connection, 4))
    if length > attacks.LONGEST:
        raise ValueError("too long")
    return attacks.receive(connection, length)


attacks.receive_frame = rooms.receive_frame = receive_frame
rooms.main()
