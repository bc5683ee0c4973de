"""Wrong: the length has its least significant byte first."""

import struct

import frames


def receive_frame(connection):
    (length,) = struct.unpack("<I", frames.receive(connection, 4))
    return frames.receive(connection, length)


def send_frame(connection, content):
    connection.sendall(struct.pack("<I", len(content)) + content)


frames.receive_frame = receive_frame
frames.send_frame = send_frame
frames.main()
